// The report's rows as Markdown, a table a level, and what is said under it.
#pragma once

#include <string>
#include <vector>

#include "tools/report/row.h"

namespace bitnet::report {

std::string to_markdown(const Header& header, const std::vector<Row>& rows);
// Whether a file that begins so is such a table.
bool looks_like_markdown_report(std::string_view head);
// A line for each time that should be there and is not: "avx2, qkv 2304x768, 1 token: no time for
// packing tl2: the time was up".
std::vector<std::string> missing_times(const std::vector<Row>& rows);

}  // namespace bitnet::report
