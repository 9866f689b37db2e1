#include "runtime/gguf/foreign_file.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace bitnet {
namespace {

using namespace std::string_view_literals;

struct Beginning {
  std::string_view text, what;
};

constexpr std::string_view
    kPointer = "a Git LFS pointer, not the file itself: fetch that with git lfs pull",
    kPage = "a web page, perhaps of an error: download the file itself",
    kOldGgml = "an old ggml file: convert the model to GGUF again",
    kZip = "a zip archive or a PyTorch checkpoint: convert the model to GGUF",
    kPickle = "a pickled PyTorch checkpoint: convert the model to GGUF",
    kSafetensors = "a safetensors file: convert the model to GGUF",
    kCompressed = "a compressed file: unpack it",
    kProgram = "a program or a kernel cache, not a model",
    kZeros = "zeros at its start: perhaps a download that did not end";

// Bytes.
constexpr Beginning kBinary[] = {
    {"lmgg"sv, kOldGgml},  // ggml, ggmf, ggjt, ggla as little-endian numbers
    {"fmgg"sv, kOldGgml},
    {"tjgg"sv, kOldGgml},
    {"algg"sv, kOldGgml},
    {"ggml"sv, kOldGgml},
    {"ggjt"sv, kOldGgml},
    {"FUGG"sv, "a GGUF file with the bytes of its numbers turned round"},
    {"PK\x03\x04"sv, kZip},
    {"PK\x05\x06"sv, kZip},
    {"\x80\x02"sv, kPickle},
    {"\x80\x03"sv, kPickle},
    {"\x80\x04"sv, kPickle},
    {"\x80\x05"sv, kPickle},
    {"\x1f\x8b"sv, kCompressed},
    {"\x28\xb5\x2f\xfd"sv, kCompressed},
    {"BZh"sv, kCompressed},
    {"\xfd"
     "7zXZ\0"sv,
     kCompressed},
    {"7z\xbc\xaf\x27\x1c"sv, kCompressed},
    {"Rar!"sv, kCompressed},
    {"\x7f"
     "ELF"sv,
     kProgram},
    {"\x89HDF"sv, "an HDF5 file: convert the model to GGUF"},
    {"\x93NUMPY"sv, "a NumPy array, not a model"},
    {"%PDF"sv, "a PDF document, not a model"},
    {"\0\0\0\0"sv, kZeros},
};

// Texts, in any case, after white space.
constexpr Beginning kTexts[] = {
    {"version https://git-lfs", kPointer},
    {"version https://hawser", kPointer},
    {"<!doctype", kPage},
    {"<html", kPage},
    {"<head", kPage},
    {"<body", kPage},
    {"<?xml", kPage},
    {"<!--", kPage},
    {"{", "a JSON text, perhaps of an error: download the file itself"},
};

bool is_text(std::string_view file) {
  return std::ranges::all_of(file.substr(0, 256), [](char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
  });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool begins_with(std::string_view text, std::string_view beginning) {
  return text.size() >= beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), text.begin(),
                    [](char a, char b) { return a == lower(b); });
}

// A u64 length and as much JSON.
bool is_safetensors(std::string_view file) {
  uint64_t bytes = 0;
  if (file.size() < 9) return false;
  std::memcpy(&bytes, file.data(), sizeof bytes);
  return bytes >= 2 && bytes < (uint64_t{1} << 32) && file[8] == '{';
}

std::string_view without_space(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  const size_t begin = text.find_first_not_of(" \t\r\n\v\f");
  return text.substr(begin == text.npos ? text.size() : begin);
}

}  // namespace

std::optional<std::string_view> foreign_file(std::span<const std::byte> bytes) {
  const std::string_view file(reinterpret_cast<const char*>(bytes.data()),
                              std::min<size_t>(bytes.size(), 4096));
  if (file.empty()) return "an empty file";
  if (is_safetensors(file)) return kSafetensors;
  for (const Beginning& binary : kBinary)
    if (file.starts_with(binary.text)) return binary.what;
  for (const Beginning& text : kTexts)
    if (begins_with(without_space(file), text.text)) return text.what;
  return is_text(file) && file.size() > 4 ? std::optional("a text, not a model"sv) : std::nullopt;
}

}  // namespace bitnet
