// The report's rows as CSV, one file a machine; bench/results/README.md describes the columns, and
// scripts/results-table reads them.
#pragma once

#include <string>
#include <vector>

#include "tools/report/row.h"

namespace bitnet::report {

std::string to_csv(const Header& header, const std::vector<Row>& rows);
// Whether a file that begins so is such a table.
bool looks_like_csv_report(std::string_view head);
// "intel-xeon-processor-family-6-model-207-stepping-2": a file's name.
std::string file_stem(const std::string& cpu);

}  // namespace bitnet::report
