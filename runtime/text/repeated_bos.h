// Files of one converter spell every special token with the begin token before it
// ("<|begin_of_text|><|eot_id|>"), because its tokenizer added one to whatever it encoded. Nothing
// that names these tokens (chat templates, stop tokens, users) would find them so.
#pragma once

#include "runtime/text/vocabulary.h"

namespace bitnet {

// Takes it off again, and says so in the vocabulary's notices. A spelling that would then be
// another token's stays as it is.
void strip_repeated_bos(Vocabulary& vocabulary);

}  // namespace bitnet
