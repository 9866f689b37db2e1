// One vocabulary (or its twin) behind one function, so that a test can compare the two: operation
// `op` on vecs at a, b, c, with a number where one is wanted. Returns 0 for an op past the last.
#include "templates/isa/isa.h"

int BN_JOIN(BN_PREFIX, _bytes)(void);
int BN_JOIN(BN_PREFIX, _most_code)(void);
int BN_JOIN(BN_PREFIX, _apply)(int op, const uint8_t* a, const uint8_t* b, const uint8_t* c,
                               int number, uint8_t* out);

int BN_JOIN(BN_PREFIX, _bytes)(void) { return V_BYTES; }
// vpmaddubsw and vpdpbusd take any unsigned byte; NEON's multiplications are signed.
int BN_JOIN(BN_PREFIX, _most_code)(void) { return V_MAX_CODE < 128 ? V_MAX_CODE : 255; }

int BN_JOIN(BN_PREFIX, _apply)(int op, const uint8_t* a, const uint8_t* b, const uint8_t* c,
                               int number, uint8_t* out) {
  const vec x = v_load(a), y = v_load(b), z = v_load(c);
  vec result;
  switch (op) {
    case 0:
      result = x;
      break;
    case 1:
      result = v_dup8(number);
      break;
    case 2:
      result = v_zero();
      break;
    case 3:
      result = v_dup32(a);
      break;
    case 4:
      result = v_dup128(a);
      break;
    case 5:
      result = v_and(x, y);
      break;
    case 6:
      result = v_xor(x, y);
      break;
    case 7:
      result = v_add8(x, y);
      break;
    case 8:
      result = v_add16(x, y);
      break;
    case 9:
      result = v_sub16(x, y);
      break;
    case 10:
      result = v_add32(x, y);
      break;
    case 11:
      result = v_sub32(x, y);
      break;
    case 12:
      result = v_shr16(x, number % 16);
      break;
    case 13:
      result = v_shl16(x, number % 16);
      break;
    case 14:
      result = v_shl32(x, number % 32);
      break;
    case 15:
      result = v_sar32(x, number % 32);
      break;
    case 16:
      result = v_mac(x, y, z);
      break;
    case 17:
      result = v_widen(x, number % 7);
      break;
    case 18:
      result = v_lookup(x, v_and(y, v_dup8(15)));
      break;
    case 19:
      result = v_zip8_lo(x, y);
      break;
    case 20:
      result = v_zip8_hi(x, y);
      break;
    case 21:
      result = v_zip16_lo(x, y);
      break;
    case 22:
      result = v_zip16_hi(x, y);
      break;
    case 23:
      result = v_sext16_lo(x);
      break;
    case 24:
      result = v_sext16_hi(x);
      break;
    case 25:
      result = v_test8(x, v_dup8(1 << (number % 8)));
      break;
    default:
      return 0;
  }
  v_prefetch(a + number);
  v_store(out, result);
  return 1;
}
