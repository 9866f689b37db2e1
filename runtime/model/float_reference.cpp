// The definition: docs/NUMERICS.md transcribed into plain scalar C++, one element after another.
// Nothing here is shared with templates/float/, which must equal it bit for bit. Slow on purpose.
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "runtime/model/float_kernels.h"

namespace bitnet {
namespace {

// ---- Primitives

// One rounding: exact product in double, TwoSum with c, the sum rounded to odd, then to float.
float fma(float a, float b, float c) {
  const double product = double{a} * double{b};
  const double sum = product + double{c};
  const double part = sum - product;
  const double error = (product - (sum - part)) + (double{c} - part);
  auto bits = std::bit_cast<int64_t>(sum);
  const bool inexact = error < 0 || error > 0;  // false for the NaN that an infinite sum has
  if (inexact && bits % 2 == 0) {
    const bool away_from_zero = (error > 0) == (sum > 0);
    bits += away_from_zero ? 1 : -1;
  }
  return static_cast<float>(std::bit_cast<double>(bits));
}

float absolute(float x) { return std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0x7fffffffU); }

// Ties to even. From 2^23 on a float has no fraction.
float rint(float x) {
  const float size = absolute(x);
  if (!(size < 0x1p23F)) return x;
  const float whole = (size + 0x1p23F) - 0x1p23F;
  return std::bit_cast<uint32_t>(x) >> 31U ? -whole : whole;
}

float larger(float x, float acc) { return x > acc ? x : acc; }

float largest_size(const float* x, int64_t k) {
  float largest = 0;
  for (int64_t i = 0; i < k; ++i) largest = larger(absolute(x[i]), largest);
  return largest;
}

// The 32 virtual lanes of sum(): lane j takes elements j, j+32, … ascending.
class Lanes {
 public:
  void add_product(int64_t i, float a, float b) { lane_[i % 32] = fma(a, b, lane_[i % 32]); }
  void add(int64_t i, float a) { lane_[i % 32] = lane_[i % 32] + a; }
  float sum() {
    for (int width = 16; width > 0; width /= 2) {
      for (int j = 0; j < width; ++j) lane_[j] = lane_[j] + lane_[j + width];
    }
    return lane_[0] + 0.0F;
  }

 private:
  float lane_[32] = {};
};

float exp(float x) {
  if (x != x) return x;
  if (x < -87.0F) return 0.0F;
  if (x > 88.0F) return std::numeric_limits<float>::infinity();
  const float n = rint(x * 0x1.715476p+0F);
  const float r = fma(n, 0x1.05c61p-29F, fma(n, -0x1.62e43p-1F, x));
  constexpr float kCoefficients[] = {
      0x1.6a23dp-10F, 0x1.123a2p-7F, 0x1.5558f2p-5F, 0x1.555492p-3F, 0x1.fffffcp-2F, 1.0F, 1.0F};
  float p = kCoefficients[0];
  for (int i = 1; i < 7; ++i) p = fma(p, r, kCoefficients[i]);
  return std::bit_cast<float>(std::bit_cast<int32_t>(p) + (static_cast<int32_t>(n) << 23));
}
float silu(float x) { return x * (1.0F / (1.0F + exp(-x))); }
float relu2(float x) {
  const float r = x > 0 ? x : 0.0F;
  return r * r;
}

uint16_t load_u16(const uint8_t* p) { return static_cast<uint16_t>(p[0] | p[1] << 8); }

float from_bf16(uint16_t h) { return std::bit_cast<float>(static_cast<uint32_t>(h) << 16U); }

float from_f16(uint16_t h) {
  const int exponent = (h >> 10) & 31, mantissa = h & 1023;
  float size = 0;
  if (exponent == 31) {
    size = std::bit_cast<float>(0x7f800000U | static_cast<uint32_t>(mantissa) << 13U);
  } else if (exponent == 0) {
    size = static_cast<float>(mantissa) * 0x1p-24F;
  } else {
    size = std::bit_cast<float>(static_cast<uint32_t>(exponent + 112) << 23U |
                                static_cast<uint32_t>(mantissa) << 13U);
  }
  return h >> 15 ? -size : size;
}

// For a cache: NaN becomes 0, and ±65504 is the end.
uint16_t to_f16_saturated(float x) {
  if (x != x) return 0;
  const auto sign = static_cast<uint16_t>(std::bit_cast<uint32_t>(x) >> 31U << 15U);
  float size = absolute(x);
  if (size > 65504.0F) size = 65504.0F;
  if (size < 0x1p-14F)
    return static_cast<uint16_t>(sign | static_cast<int>(rint(size * 0x1p24F)));  // subnormal
  const auto bits = std::bit_cast<uint32_t>(size);
  const auto exponent = static_cast<int>(bits >> 23U) - 127;  // -14..15
  // The mantissa with its leading 1, as a whole number of last places: 1024..2048.
  const auto places =
      static_cast<int>(rint(std::bit_cast<float>((bits & 0x7fffffU) | 0x3f800000U) * 1024.0F));
  return static_cast<uint16_t>(sign | (((exponent + 14) << 10) + places));
}

// ---- Rows of an embedding or head in the file's layout

constexpr int64_t kQ8Block = 32, kQ8Bytes = 34;    // f16 d, 32 int8
constexpr int64_t kQ6Block = 256, kQ6Bytes = 210;  // ql[128], qh[64], int8 scales[16], f16 d

float q8_d(const uint8_t* row, int64_t i) {
  return from_f16(load_u16(row + i / kQ8Block * kQ8Bytes));
}
int q8_code(const uint8_t* row, int64_t i) {
  return static_cast<int8_t>(row[i / kQ8Block * kQ8Bytes + 2 + i % kQ8Block]);
}
float q6_d(const uint8_t* row, int64_t i) {
  return from_f16(load_u16(row + i / kQ6Block * kQ6Bytes + 208));
}
int q6_scale(const uint8_t* row, int64_t i) {
  return static_cast<int8_t>(row[i / kQ6Block * kQ6Bytes + 192 + i % kQ6Block / 16]);
}
// Element 128 h + 32 j + l of a super-block: low four bits in ql[64 h + 32 (j % 2) + l], nibble j /
// 2; high two bits in qh[32 h + l], pair j.
int q6_code(const uint8_t* row, int64_t i) {
  const uint8_t* block = row + i / kQ6Block * kQ6Bytes;
  const int64_t h = i % 256 / 128, j = i % 128 / 32, l = i % 32;
  const int low = block[64 * h + 32 * (j % 2) + l] >> (4 * (j / 2)) & 15;
  const int high = block[128 + 32 * h + l] >> (2 * j) & 3;
  return (low | high << 4) - 32;
}

float plain_element(int32_t type, const uint8_t* row, int64_t i) {
  if (type == BN_F16) return from_f16(load_u16(row + 2 * i));
  if (type == BN_BF16) return from_bf16(load_u16(row + 2 * i));
  float x = 0;
  std::memcpy(&x, row + 4 * i, 4);
  return x;
}

void embed(int32_t type, const uint8_t* row, int64_t k, float* out) {
  for (int64_t i = 0; i < k; ++i) {
    if (type == BN_Q8_0) {
      out[i] = q8_d(row, i) * static_cast<float>(q8_code(row, i));
    } else if (type == BN_Q6_K) {
      out[i] = (q6_d(row, i) * static_cast<float>(q6_scale(row, i))) *
               static_cast<float>(q6_code(row, i));
    } else {
      out[i] = plain_element(type, row, i);
    }
  }
}

// ---- One token

void rms_norm(const float* x, const float* g, int64_t k, float epsilon, float* y) {
  Lanes squares;
  for (int64_t i = 0; i < k; ++i) squares.add_product(i, x[i], x[i]);
  const float r = 1.0F / __builtin_sqrtf(squares.sum() / static_cast<float>(k) + epsilon);
  for (int64_t i = 0; i < k; ++i) y[i] = (x[i] * r) * g[i];
}

float quantize(const float* x, int64_t k, int8_t* q) {
  const float s = 127.0F / larger(largest_size(x, k), 1e-5F);
  for (int64_t i = 0; i < k; ++i) {
    float whole = rint(x[i] * s);
    if (whole > 127.0F) whole = 127.0F;
    if (whole < -127.0F) whole = -127.0F;
    q[i] = whole == whole ? static_cast<int8_t>(whole) : int8_t{0};
  }
  return s;
}

void rope(float* x, int64_t heads, int64_t head_size, int64_t dims, int neox, const float* cos,
          const float* sin) {
  for (int64_t head = 0; head < heads; ++head) {
    for (int64_t i = 0; i < dims / 2; ++i) {
      float* first = x + head * head_size + (neox ? i : 2 * i);
      float* second = first + (neox ? dims / 2 : 1);
      const float x0 = *first, x1 = *second;
      *first = fma(-x1, sin[i], x0 * cos[i]);
      *second = fma(x0, sin[i], x1 * cos[i]);
    }
  }
}

void store(int32_t type, float x, int64_t element, void* cache) {
  if (type == BN_KV_F16) {
    static_cast<uint16_t*>(cache)[element] = to_f16_saturated(x);
  } else {
    static_cast<float*>(cache)[element] = x;
  }
}
float cached(int32_t type, const void* cache, int64_t element) {
  if (type == BN_KV_F16) return from_f16(static_cast<const uint16_t*>(cache)[element]);
  return static_cast<const float*>(cache)[element];
}
int64_t k_element(int64_t head_size, int64_t t, int64_t d) {
  return ((t / 16) * head_size + d) * 16 + t % 16;
}
int64_t v_element(int64_t head_size, int64_t t, int64_t d) { return t * head_size + d; }

void store_k(int32_t type, const float* x, int64_t head_size, int64_t t, void* k) {
  for (int64_t d = 0; d < head_size; ++d) store(type, x[d], k_element(head_size, t, d), k);
}
void store_v(int32_t type, const float* x, int64_t head_size, int64_t t, void* v) {
  for (int64_t d = 0; d < head_size; ++d) store(type, x[d], v_element(head_size, t, d), v);
}

// One query head; q' stands in scratch[0..head_size), o in out.
void attend_head(const BnAttend& a, const float* q, float* out) {
  constexpr int64_t kBlock = 256;
  const int64_t size = a.head_size;
  float* scaled = a.scratch;
  float m = -std::numeric_limits<float>::infinity(), l = 0;
  for (int64_t d = 0; d < size; ++d) {
    scaled[d] = q[d] * a.scale;
    out[d] = 0;
  }
  for (int64_t begin = 0; begin < a.keys; begin += kBlock) {
    const int64_t count = a.keys - begin < kBlock ? a.keys - begin : kBlock;
    float p[kBlock];
    float m_block = -std::numeric_limits<float>::infinity();
    for (int64_t t = 0; t < count; ++t) {
      float score = 0;
      for (int64_t d = 0; d < size; ++d) {
        score = fma(scaled[d], cached(a.k_type, a.k, k_element(size, begin + t, d)), score);
      }
      p[t] = score;
      m_block = larger(score, m_block);
    }
    Lanes terms;
    for (int64_t t = 0; t < count; ++t) {
      p[t] = exp(p[t] - m_block);
      terms.add(t, p[t]);
    }
    const float m_both = larger(m_block, m);
    const float old_part = exp(m - m_both), new_part = exp(m_block - m_both);
    l = fma(terms.sum(), new_part, l * old_part);
    for (int64_t d = 0; d < size; ++d) {
      float o = 0;
      for (int64_t t = 0; t < count; ++t)
        o = fma(p[t], cached(a.v_type, a.v, v_element(size, begin + t, d)), o);
      out[d] = fma(o + 0.0F, new_part, out[d] * old_part);
    }
    m = m_both;
  }
  const float r = 1.0F / l;
  for (int64_t d = 0; d < size; ++d) out[d] = out[d] * r;
}

void attend(const BnAttend* a) {
  for (int64_t head = 0; head < a->group; ++head) {
    attend_head(*a, a->q + head * a->head_size, a->out + head * a->head_size);
  }
}

// ---- Head

// Prepared: float A / 32639, then int16 H[k].
bool is_quantized(int32_t type) { return type == BN_Q8_0 || type == BN_Q6_K; }

int64_t head_prepared_bytes(int32_t type, int64_t k) {
  return is_quantized(type) ? (4 + 2 * k + 63) / 64 * 64 : 0;
}

void head_prepare(int32_t type, const float* hidden, int64_t k, uint8_t* prepared) {
  if (!is_quantized(type)) return;
  const float a = larger(largest_size(hidden, k), 1e-30F);
  const float factor = 32639.0F / a, unit = a / 32639.0F;
  std::memcpy(prepared, &unit, 4);
  for (int64_t i = 0; i < k; ++i) {
    const float whole = rint(hidden[i] * factor);
    const int16_t h = whole == whole ? static_cast<int16_t>(whole) : int16_t{0};  // NaN: 0
    std::memcpy(prepared + 4 + 2 * i, &h, 2);
  }
}

float plain_logit(int32_t type, const uint8_t* row, int64_t k, const float* hidden) {
  Lanes dot;
  for (int64_t i = 0; i < k; ++i) dot.add_product(i, plain_element(type, row, i), hidden[i]);
  return dot.sum();
}

float quantized_logit(int32_t type, const uint8_t* row, int64_t k, const uint8_t* prepared) {
  const int64_t block = type == BN_Q8_0 ? kQ8Block : kQ6Block;
  float unit = 0, logit = 0;
  std::memcpy(&unit, prepared, 4);
  for (int64_t begin = 0; begin < k; begin += block) {
    int64_t sum = 0;
    for (int64_t i = begin; i < begin + block; ++i) {
      int16_t h = 0;
      std::memcpy(&h, prepared + 4 + 2 * i, 2);
      sum += int64_t{type == BN_Q8_0 ? q8_code(row, i) : q6_scale(row, i) * q6_code(row, i)} * h;
    }
    const float d = type == BN_Q8_0 ? q8_d(row, begin) : q6_d(row, begin);
    logit = fma(static_cast<float>(sum), d, logit);
  }
  return logit * unit;
}

void head(const BnHead* h) {
  for (int64_t m = 0; m < h->tokens; ++m) {
    for (int64_t n = h->n0; n < h->n1; ++n) {
      const uint8_t* row = h->rows + n * h->row_bytes;
      h->logits[m * h->ld_logits + n] =
          is_quantized(h->type)
              ? quantized_logit(h->type, row, h->k, h->prepared + m * h->ld_prepared)
              : plain_logit(h->type, row, h->k, h->hidden + m * h->ld_hidden);
    }
  }
}

// ---- The rest

float ternary_dot(const int8_t* trits, const float* x, int64_t k) {
  Lanes dot;
  for (int64_t i = 0; i < k; ++i) dot.add_product(i, static_cast<float>(trits[i]), x[i]);
  return dot.sum();
}

void gate(const float* g, const float* u, int64_t n, int squared_relu, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = (squared_relu ? relu2(g[i]) : silu(g[i])) * u[i];
}

void add(const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] + y[i];
}

float softmax_terms(const float* logits, int64_t n, float max, float* p) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    p[i] = exp(logits[i] - max);
    sum = sum + p[i];
  }
  return sum;
}

}  // namespace

const BnFloatKernels& reference_float_kernels() {
  static constexpr BnFloatKernels kTable = {
      .name = "reference",
      .embed = embed,
      .rms_norm = rms_norm,
      .quantize = quantize,
      .rope = rope,
      .store_k = store_k,
      .store_v = store_v,
      .attend = attend,
      .head_prepared_bytes = head_prepared_bytes,
      .head_prepare = head_prepare,
      .head = head,
      .ternary_dot = ternary_dot,
      .gate = gate,
      .add = add,
      .softmax_terms = softmax_terms,
  };
  return kTable;
}

}  // namespace bitnet
