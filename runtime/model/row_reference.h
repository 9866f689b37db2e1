// The definition of rows of an embedding or head in the file's layout, element by element: the part
// of the reference (float_reference.cpp) that knows how types store weights. Shares nothing with
// templates/float/.
#pragma once

#include <cstdint>

namespace bitnet::reference {

// Weight i of a row in any type.
float row_element(int32_t type, const uint8_t* row, int64_t i);

// Elements of a block that has sums of its own in a head; 0: the type has plain floats.
int64_t head_block(int32_t type);

// A block of a quantised row against H: integers to be summed exactly, and the scales of the sums.
// Adds to a logit: fma(float(sum), d, logit), then, where there are lows, fma(float(low), min, .),
// of which Q4_K and Q5_K take the negative.
struct BlockSums {
  int64_t sum = 0;  // of sc * q * H, or q * H
  float d = 0;
  bool has_low = false;
  int64_t low = 0;  // of m * H, or H
  float min = 0;
  float low_sign = 1;
};
// Elements begin .. begin + head_block(type) of a row, h[k].
BlockSums block_sums(int32_t type, const uint8_t* row, int64_t begin, const int16_t* h);

}  // namespace bitnet::reference
