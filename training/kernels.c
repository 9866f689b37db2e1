// The training step's inner loops for x86 CPUs with AVX-512 VNNI; layers.py is the same in PyTorch
// and the reference of the test. Each call is one thread's; layers_c.py compiles this file and
// calls it.
//
// Letters: M tokens, K input features, N output features. M is a multiple of 8; N and K of 32.
// Products of ternary matrices are exact integer sums, as in the inference engine. Gradients of
// activations are rounded to 8 bits a token before their product (SwitchBack, Wortsman et al. 2023,
// arXiv:2304.13013), gradients before the weight product to 14 bits an output feature, because
// there SwitchBack found 8 bits to be too few; sums of M <= 2048 products then fit in int32.
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { kTokenBlock = 64 };  // of `product`

static inline float largest(float a, float b) { return a > b ? a : b; }

// Rounds row[K] * 127 / max|row| to int8. Returns the step max|row| / 127; *sum is that of the
// integers.
static float quantise_row(const float* row, int k, float floor, int8_t* q, int32_t* sum) {
  float top = floor;
  for (int i = 0; i < k; i++) top = largest(top, fabsf(row[i]));
  const __m512 scale = _mm512_set1_ps(127 / top);
  __m512i total = _mm512_setzero_si512();
  for (int i = 0; i < k; i += 16) {
    const __m512i v = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(row + i), scale));
    total = _mm512_add_epi32(total, v);
    _mm_storeu_si128((__m128i*)(q + i), _mm512_cvtsepi32_epi8(v));
  }
  *sum = _mm512_reduce_add_epi32(total);
  return top / 127;
}

// RMSNorm, then int8: x[M][K], gain[K] -> q[M][K], sum[M], step[M], inverse_rms[M].
void norm_quantise(const float* x, const float* gain, float eps, float floor, int m, int k,
                   int8_t* q, int32_t* sum, float* step, float* inverse_rms) {
  float normed[k];
  for (int t = 0; t < m; t++) {
    const float* row = x + (long)t * k;
    float squares = 0;
    for (int i = 0; i < k; i++) squares += row[i] * row[i];
    const float r = inverse_rms[t] = 1 / sqrtf(squares / k + eps);
    for (int i = 0; i < k; i++) normed[i] = row[i] * r * gain[i];
    step[t] = quantise_row(normed, k, floor, q + (long)t * k, sum + t);
  }
}

// The gradient of norm_quantise with rounding taken as the identity: dq[M][K] -> dx[M][K], and
// d_gain[K] +=.
void norm_backward(const float* dq, const float* x, const float* gain, const float* inverse_rms,
                   int m, int k, float* dx, float* d_gain) {
  for (int t = 0; t < m; t++) {
    const float *d = dq + (long)t * k, *row = x + (long)t * k, r = inverse_rms[t];
    float* out = dx + (long)t * k;
    float mean = 0;
    for (int i = 0; i < k; i++) {
      const float product = d[i] * row[i] * r;
      d_gain[i] += product;
      mean += product * gain[i];
    }
    mean *= r / k;
    for (int i = 0; i < k; i++) out[i] = (d[i] * gain[i] - row[i] * mean) * r;
  }
}

// dy[M][N] * scale[N], rounded a row -> q[M][N], sum[M], g_step[M]; and top[N], the largest |dy| *
// step[M] of each column, for weight_gradient, while the row is in the cache.
void gradient_quantise(const float* dy, const float* scale, const float* step, int m, int n,
                       int8_t* q, int32_t* sum, float* g_step, float* top) {
  float scaled[n];
  for (int i = 0; i < n; i++) top[i] = 1e-30f;
  for (int t = 0; t < m; t++) {
    const float *row = dy + (long)t * n, s = step[t];
    for (int i = 0; i < n; i++) {
      scaled[i] = row[i] * scale[i];
      top[i] = largest(top[i], fabsf(row[i]) * s);
    }
    g_step[t] = quantise_row(scaled, n, 1e-30f, q + (long)t * n, sum + t);
  }
}

// w[N][K] / scale[N] rounded to -1, 0, 1, as codes 0, 1, 2 in panels [N/32][K/4][32][4] for
// `product`, and those of the transposed matrix, [K/32][N/4][32][4].
void pack_ternary(const float* w, const float* scale, int n, int k, uint8_t* panels,
                  uint8_t* transposed) {
  for (int r = 0; r < n; r++) {
    const float inverse = 1 / scale[r];
    uint8_t codes[k];
    for (int i = 0; i < k; i++) {
      const float v = rintf(w[(long)r * k + i] * inverse);
      codes[i] = (uint8_t)((v > 1 ? 1 : v < -1 ? -1 : v) + 1);
    }
    uint8_t* to = panels + (long)(r / 32) * 32 * k + (r % 32) * 4;
    for (int i = 0; i < k; i += 4) memcpy(to + i / 4 * 128, codes + i, 4);
    uint8_t* across = transposed + (long)(r / 4) * 128 + r % 4;
    for (int i = 0; i < k; i++) across[(long)(i / 32) * 32 * n + i % 32 * 4] = codes[i];
  }
}

// y[M][N] = step[M] * scale[N] * sum over k of q[M][k] * (code[N][k] - 1); panels as pack_ternary
// writes them. Eight tokens by 32 features are 16 accumulators, enough for the latency of vpdpbusd.
// Tokens go in blocks, so that a block of y stays in the L2 cache while all panels pass (all tokens
// a panel at a time: 1.5x slower in a training step).
void product(const int8_t* q, const int32_t* sum, const float* step, const uint8_t* panels,
             const float* scale, int m, int n, int k, float* y) {
  for (int first = 0; first < m; first += kTokenBlock) {
    const int last = first + kTokenBlock < m ? first + kTokenBlock : m;
    for (int c = 0; c < n; c += 32) {
      const uint8_t* panel = panels + (long)c * k;
      const __m512 s0 = _mm512_loadu_ps(scale + c), s1 = _mm512_loadu_ps(scale + c + 16);
      for (int t = first; t < last; t += 8) {
        const int8_t* rows = q + (long)t * k;
        __m512i a[8][2];
#pragma GCC unroll 8
        for (int r = 0; r < 8; r++) a[r][0] = a[r][1] = _mm512_set1_epi32(-sum[t + r]);
        for (int i = 0; i < k; i += 4) {
          const __m512i b0 = _mm512_loadu_si512(panel + i * 32),
                        b1 = _mm512_loadu_si512(panel + i * 32 + 64);
#pragma GCC unroll 8
          for (int r = 0; r < 8; r++) {
            const __m512i v = _mm512_set1_epi32(*(const int32_t*)(rows + (long)r * k + i));
            a[r][0] = _mm512_dpbusd_epi32(a[r][0], b0, v);
            a[r][1] = _mm512_dpbusd_epi32(a[r][1], b1, v);
          }
        }
#pragma GCC unroll 8
        for (int r = 0; r < 8; r++) {
          const __m512 s = _mm512_set1_ps(step[t + r]);
          float* out = y + (long)(t + r) * n + c;
          _mm512_storeu_ps(out, _mm512_mul_ps(_mm512_cvtepi32_ps(a[r][0]), _mm512_mul_ps(s, s0)));
          _mm512_storeu_ps(out + 16,
                           _mm512_mul_ps(_mm512_cvtepi32_ps(a[r][1]), _mm512_mul_ps(s, s1)));
        }
      }
    }
  }
}

// Eight output features by 32 inputs of weight_gradient: dw[8][32], rows k apart, from panels a and
// b.
static inline void weight_tile(const int16_t* a, const int16_t* b, const float* top, int m, int k,
                               float* dw) {
  __m512i acc[8][2];
#pragma GCC unroll 8
  for (int r = 0; r < 8; r++) acc[r][0] = acc[r][1] = _mm512_setzero_si512();
  for (int t = 0; t < m / 2; t++) {
    const __m512i b0 = _mm512_loadu_si512(b + t * 64), b1 = _mm512_loadu_si512(b + t * 64 + 32);
#pragma GCC unroll 8
    for (int r = 0; r < 8; r++) {
      const __m512i v = _mm512_set1_epi32(*(const int32_t*)(a + t * 16 + r * 2));
      acc[r][0] = _mm512_dpwssd_epi32(acc[r][0], v, b0);
      acc[r][1] = _mm512_dpwssd_epi32(acc[r][1], v, b1);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < 8; r++) {
    const __m512 s = _mm512_set1_ps(top[r] / 8191);
    float* out = dw + (long)r * k;
    _mm512_storeu_ps(out, _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[r][0]), s, _mm512_loadu_ps(out)));
    _mm512_storeu_ps(out + 16,
                     _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[r][1]), s, _mm512_loadu_ps(out + 16)));
  }
}

// dw[N][K] += sum over tokens of dy[M][N] * step[M] * q[M][K], the gradient of the masters; top[N]
// as above.
//   left   scratch, M*N int16: pairs of tokens, [N/8][M/2][8][2];  right  M*K int16,
//   [K/32][M/2][32][2]
void weight_gradient(const float* dy, const float* step, const float* top, const int8_t* q, int m,
                     int n, int k, int16_t* left, int16_t* right, float* dw) {
  float scale[n];
  for (int i = 0; i < n; i++) scale[i] = 8191 / top[i];
  for (int t = 0; t < m; t += 2) {
    const float *d0 = dy + (long)t * n, *d1 = d0 + n;
    const __m512 s0 = _mm512_set1_ps(step[t]), s1 = _mm512_set1_ps(step[t + 1]);
    for (int i = 0; i < n; i += 16) {
      const __m512 s = _mm512_loadu_ps(scale + i);
      const __m512i lo =
          _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(d0 + i), s0), s));
      const __m512i hi =
          _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(d1 + i), s1), s));
      const __m512i pair = _mm512_mask_blend_epi16(0xaaaaaaaa, lo, _mm512_slli_epi32(hi, 16));
      int16_t* to = left + ((long)(i / 8) * (m / 2) + t / 2) * 16;
      _mm256_storeu_si256((__m256i*)to, _mm512_castsi512_si256(pair));
      _mm256_storeu_si256((__m256i*)(to + m / 2 * 16), _mm512_extracti64x4_epi64(pair, 1));
    }
    const int8_t *q0 = q + (long)t * k, *q1 = q0 + k;
    for (int i = 0; i < k; i += 16) {
      const __m512i lo = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)(q0 + i)));
      const __m512i hi = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)(q1 + i)));
      const __m512i pair = _mm512_mask_blend_epi16(0xaaaaaaaa, lo, _mm512_slli_epi32(hi, 16));
      _mm512_storeu_si512(right + ((long)(i / 32) * (m / 2) + t / 2) * 64 + i % 32 * 2, pair);
    }
  }
  if (n >= k) {  // the larger side passes once, the smaller stays in the L2 cache
    for (int f = 0; f < n; f += 8)
      for (int c = 0; c < k; c += 32)
        weight_tile(left + (long)f * m, right + (long)c * m, top + f, m, k, dw + (long)f * k + c);
  } else {
    for (int c = 0; c < k; c += 32)
      for (int f = 0; f < n; f += 8)
        weight_tile(left + (long)f * m, right + (long)c * m, top + f, m, k, dw + (long)f * k + c);
  }
}

// y[M][F] = silu(gate) * up, gate_up[M][2F] is gate beside up.
void silu_gate(const float* gate_up, int m, int f, float* y) {
  for (int t = 0; t < m; t++) {
    const float *gate = gate_up + (long)t * 2 * f, *up = gate + f;
    float* out = y + (long)t * f;
    for (int i = 0; i < f; i++) out[i] = gate[i] * up[i] / (1 + expf(-gate[i]));
  }
}

// Its gradient: dy[M][F] -> d[M][2F].
void silu_gate_backward(const float* gate_up, const float* dy, int m, int f, float* d) {
  for (int t = 0; t < m; t++) {
    const float *gate = gate_up + (long)t * 2 * f, *up = gate + f, *in = dy + (long)t * f;
    float *d_gate = d + (long)t * 2 * f, *d_up = d_gate + f;
    for (int i = 0; i < f; i++) {
      const float s = 1 / (1 + expf(-gate[i]));
      d_up[i] = in[i] * gate[i] * s;
      d_gate[i] = in[i] * up[i] * s * (1 + gate[i] * (1 - s));
    }
  }
}

// qkv[B][T][3][H][D] -> out[3][B][H][T][D], the first two rotated (RoPE, half-split pairs); table
// cos, sin [T][D/2].
void rotate_split(const float* qkv, const float* cosine, const float* sine, int b, int t, int h,
                  int d, float* out) {
  const int half = d / 2;
  for (int p = 0; p < 3; p++)
    for (int i = 0; i < b; i++)
      for (int j = 0; j < h; j++)
        for (int s = 0; s < t; s++) {
          const float *x = qkv + ((((long)i * t + s) * 3 + p) * h + j) * d, *c = cosine + s * half,
                      *n = sine + s * half;
          float* y = out + ((((long)p * b + i) * h + j) * t + s) * d;
          if (p == 2)
            memcpy(y, x, d * sizeof(float));
          else
            for (int e = 0; e < half; e++) {
              y[e] = x[e] * c[e] - x[e + half] * n[e];
              y[e + half] = x[e + half] * c[e] + x[e] * n[e];
            }
        }
}

// Its gradient, the way back: in[3][B][H][T][D] -> d_qkv[B][T][3][H][D].
void rotate_split_backward(const float* in, const float* cosine, const float* sine, int b, int t,
                           int h, int d, float* d_qkv) {
  const int half = d / 2;
  for (int p = 0; p < 3; p++)
    for (int i = 0; i < b; i++)
      for (int j = 0; j < h; j++)
        for (int s = 0; s < t; s++) {
          float* x = d_qkv + ((((long)i * t + s) * 3 + p) * h + j) * d;
          const float *y = in + ((((long)p * b + i) * h + j) * t + s) * d, *c = cosine + s * half,
                      *n = sine + s * half;
          if (p == 2)
            memcpy(x, y, d * sizeof(float));
          else
            for (int e = 0; e < half; e++) {
              x[e] = y[e] * c[e] + y[e + half] * n[e];
              x[e + half] = y[e + half] * c[e] - y[e] * n[e];
            }
        }
}

// The three products of attention, each over the lower triangle alone; T is a multiple of 32, D
// of 64.

// s[T][T] = a[T][D] * b[T][D]^T for columns up to the diagonal (and on to the end of its tile); bt
// scratch [D][T].
static void lower_product(const float* a, const float* b, int t, int d, float* bt, float* s) {
  for (int i = 0; i < t; i++)
    for (int e = 0; e < d; e++) bt[(long)e * t + i] = b[(long)i * d + e];
  for (int i = 0; i < t; i += 8)
    for (int j = 0; j < i + 8; j += 32) {
      __m512 acc[8][2];
#pragma GCC unroll 8
      for (int r = 0; r < 8; r++) acc[r][0] = acc[r][1] = _mm512_setzero_ps();
      for (int e = 0; e < d; e++) {
        const __m512 b0 = _mm512_loadu_ps(bt + (long)e * t + j),
                     b1 = _mm512_loadu_ps(bt + (long)e * t + j + 16);
#pragma GCC unroll 8
        for (int r = 0; r < 8; r++) {
          const __m512 v = _mm512_set1_ps(a[(long)(i + r) * d + e]);
          acc[r][0] = _mm512_fmadd_ps(v, b0, acc[r][0]);
          acc[r][1] = _mm512_fmadd_ps(v, b1, acc[r][1]);
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < 8; r++) {
        _mm512_storeu_ps(s + (long)(i + r) * t + j, acc[r][0]);
        _mm512_storeu_ps(s + (long)(i + r) * t + j + 16, acc[r][1]);
      }
    }
}

// Rows i..i+3 of y[T][D] = the sum over u in first..last-1 of weight(r, u) * x[u][D]; weight(r, u)
// = w[r * row + u * column].
static inline void four_rows(const float* w, long row, long column, const float* x, int first,
                             int last, int d, float* y) {
  for (int e = 0; e < d; e += 64) {
    __m512 acc[4][4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) acc[r][0] = acc[r][1] = acc[r][2] = acc[r][3] = _mm512_setzero_ps();
    for (int u = first; u < last; u++) {
      const float* from = x + (long)u * d + e;
      const __m512 x0 = _mm512_loadu_ps(from), x1 = _mm512_loadu_ps(from + 16);
      const __m512 x2 = _mm512_loadu_ps(from + 32), x3 = _mm512_loadu_ps(from + 48);
#pragma GCC unroll 4
      for (int r = 0; r < 4; r++) {
        const __m512 v = _mm512_set1_ps(w[r * row + u * column]);
        acc[r][0] = _mm512_fmadd_ps(v, x0, acc[r][0]);
        acc[r][1] = _mm512_fmadd_ps(v, x1, acc[r][1]);
        acc[r][2] = _mm512_fmadd_ps(v, x2, acc[r][2]);
        acc[r][3] = _mm512_fmadd_ps(v, x3, acc[r][3]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++)
      for (int c = 0; c < 4; c++) _mm512_storeu_ps(y + (long)r * d + e + c * 16, acc[r][c]);
  }
}

// y = p x, p[T][T] lower triangular, zero above the diagonal.
static void mix(const float* p, const float* x, int t, int d, float* y) {
  for (int i = 0; i < t; i += 4) four_rows(p + (long)i * t, t, 1, x, 0, i + 4, d, y + (long)i * d);
}

// y = p^T x.
static void mix_back(const float* p, const float* x, int t, int d, float* y) {
  for (int i = 0; i < t; i += 4) four_rows(p + i, 1, t, x, i, t, d, y + (long)i * d);
}

// Causal attention of R heads: qkv[3][R][T][D] -> probabilities p[R][T][T] of softmax(scale * q
// k^T), kept for the gradient, and y[R][T][D] = p v. bt is scratch, [D][T].
void attend(const float* qkv, float scale, int heads, int t, int d, float* bt, float* p, float* y) {
  const long one = (long)t * d, all = heads * one;
  for (int h = 0; h < heads; h++, qkv += one, p += (long)t * t, y += one) {
    lower_product(qkv, qkv + all, t, d, bt, p);
    for (int i = 0; i < t; i++) {
      float* row = p + (long)i * t;
      float top = row[0], total = 0;
      for (int j = 0; j <= i; j++) top = largest(top, row[j]);
      for (int j = 0; j <= i; j++) total += row[j] = expf((row[j] - top) * scale);
      const float inverse = 1 / total;
      for (int j = 0; j <= i; j++) row[j] *= inverse;
      memset(row + i + 1, 0, (t - i - 1) * sizeof(float));
    }
    mix(p, qkv + 2 * all, t, d, y);
  }
}

// Its gradient: dy[R][T][D] -> d_qkv[3][R][T][D]. ds is scratch, [T][T].
void attend_backward(const float* qkv, const float* p, const float* dy, float scale, int heads,
                     int t, int d, float* bt, float* ds, float* d_qkv) {
  const long one = (long)t * d, all = heads * one;
  for (int h = 0; h < heads; h++, qkv += one, p += (long)t * t, dy += one, d_qkv += one) {
    mix_back(p, dy, t, d, d_qkv + 2 * all);
    lower_product(dy, qkv + 2 * all, t, d, bt, ds);
    for (int i = 0; i < t; i++) {
      const float* row = p + (long)i * t;
      float *out = ds + (long)i * t, mean = 0;
      for (int j = 0; j <= i; j++) mean += row[j] * out[j];
      for (int j = 0; j <= i; j++) out[j] = row[j] * (out[j] - mean) * scale;
      memset(out + i + 1, 0, (t - i - 1) * sizeof(float));
    }
    mix(ds, qkv + all, t, d, d_qkv);
    mix_back(ds, qkv, t, d, d_qkv + all);
  }
}

// logits[M][V] -> softmax - 1 at the target, in place: the gradient of the summed loss. Returns
// that sum, in nats.
double softmax_loss(float* logits, const int64_t* targets, int m, int v) {
  double loss = 0;
  for (int t = 0; t < m; t++) {
    float* row = logits + (long)t * v;
    float top = row[0], total = 0;
    const float picked = row[targets[t]];
    for (int i = 0; i < v; i++) top = largest(top, row[i]);
    for (int i = 0; i < v; i++) total += row[i] = expf(row[i] - top);
    loss += log(total) - (picked - top);
    const float inverse = 1 / total;
    for (int i = 0; i < v; i++) row[i] *= inverse;
    row[targets[t]] -= 1;
  }
  return loss;
}
