// The definition: docs/NUMERICS.md transcribed into plain scalar C++, one element after another.
// Nothing here is shared with templates/float/, which must equal it bit for bit. Slow on purpose.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>

#include "runtime/base/half.h"
#include "runtime/base/numerics.h"
#include "runtime/model/float_kernels.h"
#include "runtime/model/row_reference.h"

namespace bitnet {
namespace {

using numerics::absolute, numerics::exp, numerics::fma, numerics::relu2, numerics::rint,
    numerics::silu;

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

void embed(int32_t type, const uint8_t* row, int64_t k, float* out) {
  for (int64_t i = 0; i < k; ++i) out[i] = reference::row_element(type, row, i);
}

// ---- One token

void rms_norm(const float* x, const float* g, int64_t k, float epsilon, float* y) {
  Lanes squares;
  for (int64_t i = 0; i < k; ++i) squares.add_product(i, x[i], x[i]);
  const float r = 1.0F / __builtin_sqrtf(squares.sum() / static_cast<float>(k) + epsilon);
  for (int64_t i = 0; i < k; ++i) y[i] = (x[i] * r) * g[i];
}

void quantize_by(const float* x, int64_t k, float s, int8_t* q) {
  for (int64_t i = 0; i < k; ++i) {
    float whole = rint(x[i] * s);
    if (whole > 127.0F) whole = 127.0F;
    if (whole < -127.0F) whole = -127.0F;
    q[i] = whole == whole ? static_cast<int8_t>(whole) : int8_t{0};
  }
}

float quantize(const float* x, int64_t k, int8_t* q) {
  const float s = 127.0F / larger(largest_size(x, k), 1e-5F);
  quantize_by(x, k, s, q);
  return s;
}

float quantize_group(const float* x, int64_t k, int8_t* q) {
  const float largest = largest_size(x, k);
  if (largest < 0x1p-120F) {
    std::fill_n(q, k, int8_t{0});
    return 0;
  }
  quantize_by(x, k, 127.0F / largest, q);
  return largest / 127.0F;
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
  if (type == BN_KV_F16) return float_from_half(static_cast<const uint16_t*>(cache)[element]);
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

// Prepared: float A / 32639, then int16 H[k]. Ternary types have no head here.
bool is_quantized(int32_t type) {
  constexpr int32_t kTypes[] = {BN_Q4_0, BN_Q4_1, BN_Q5_0, BN_Q8_0, BN_Q4_K, BN_Q5_K, BN_Q6_K};
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

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
  for (int64_t i = 0; i < k; ++i)
    dot.add_product(i, reference::row_element(type, row, i), hidden[i]);
  return dot.sum();
}

float quantized_logit(int32_t type, const uint8_t* row, int64_t k, const uint8_t* prepared) {
  float unit = 0, logit = 0;
  std::memcpy(&unit, prepared, 4);
  const auto* h = reinterpret_cast<const int16_t*>(prepared + 4);
  for (int64_t begin = 0; begin < k; begin += reference::head_block(type)) {
    const reference::BlockSums block = reference::block_sums(type, row, begin, h);
    logit = fma(static_cast<float>(block.sum), block.d, logit);
    if (block.has_low)
      logit = fma(block.low_sign * static_cast<float>(block.low), block.min, logit);
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
      .quantize_group = quantize_group,
      .rope = rope,
      .store_k = store_k,
      .store_v = store_v,
      .attend = attend,
      .head_prepared_bytes = head_prepared_bytes,
      .head_prepare = head_prepare,
      .head = head,
      .ternary_dot = ternary_dot,
      .gate = gate,
      .softmax_terms = softmax_terms,
  };
  return kTable;
}

}  // namespace bitnet
