// Models in several files, and files that are taken for models.
#include "runtime/gguf/split.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/gguf/foreign_file.h"
#include "runtime/model/model_file.h"
#include "tests/tiny_model.h"

namespace bitnet::testing {
namespace {

namespace fs = std::filesystem;

class Parts : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("bitnet-parts-{}", getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const Bytes& bytes) const {
    std::ofstream(path(name), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    return path(name);
  }

  // A tiny model in three parts, all metadata in the first.
  static std::vector<GgufBuilder> three() {
    const GgufBuilder whole = build_tiny();
    std::vector<GgufBuilder> parts(3);
    parts[0].keys = whole.keys;
    for (size_t no = 0; no < 3; ++no) {
      parts[no].number("split.no", GgufValueType::u16, static_cast<uint16_t>(no));
      parts[no].number("split.count", GgufValueType::u16, uint16_t{3});
      parts[no].number("split.tensors.count", GgufValueType::i32,
                       static_cast<int32_t>(whole.tensors.size()));
    }
    for (size_t i = 0; i < whole.tensors.size(); ++i)
      parts[i * 3 / whole.tensors.size()].tensors.push_back(whole.tensors[i]);
    return parts;
  }
  std::string write_parts(const std::vector<GgufBuilder>& parts) const {
    for (size_t no = 0; no < parts.size(); ++no)
      write(fmt::format("m-{:05}-of-00003.gguf", no + 1), parts[no].build());
    return path("m-00001-of-00003.gguf");
  }
  std::string error_of(const std::string& file) const {
    const auto model = ModelFile::open(file);
    return model ? "" : model.error().message;
  }

  fs::path folder_;
};

TEST_F(Parts, AreOneModel) {
  const std::string first = write_parts(three());
  const auto split = ModelFile::open(first);
  ASSERT_TRUE(split) << split.error().message;
  const Bytes bytes = build_tiny().build();
  const auto whole = ModelFile::parse(bytes, "whole.gguf");
  ASSERT_TRUE(whole);
  ASSERT_EQ(split->file.tensors().size(), whole->file.tensors().size());
  for (const TensorInfo& tensor : whole->file.tensors()) {
    const TensorInfo* other = split->file.find(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    EXPECT_TRUE(std::ranges::equal(other->data, tensor.data)) << tensor.name;
    split->file.release(other->data);
  }
  EXPECT_EQ(split->file.file_bytes(), fs::file_size(path("m-00001-of-00003.gguf")) +
                                          fs::file_size(path("m-00002-of-00003.gguf")) +
                                          fs::file_size(path("m-00003-of-00003.gguf")));
}

// gguf-split --no-tensor-first-split
TEST_F(Parts, TheFirstMayHoldNoTensors) {
  auto parts = three();
  parts[1].tensors.insert(parts[1].tensors.begin(), parts[0].tensors.begin(),
                          parts[0].tensors.end());
  parts[0].tensors.clear();
  EXPECT_EQ(error_of(write_parts(parts)), "");
}

TEST_F(Parts, AnErrorNamesThePartThatATensorLiesIn) {
  auto parts = three();
  parts[2].tensor("output_norm.weight").dims = {4};
  EXPECT_EQ(error_of(write_parts(parts)),
            path("m-00003-of-00003.gguf") +
                ": output_norm.weight: found 1x4 (rows x columns), wanted 1x8");
}

TEST_F(Parts, AnotherThanTheFirstNamesTheFirst) {
  write_parts(three());
  EXPECT_EQ(error_of(path("m-00002-of-00003.gguf")),
            path("m-00002-of-00003.gguf") +
                ": part 2 of 3 of a split model: give its first part, " +
                path("m-00001-of-00003.gguf"));
  fs::rename(path("m-00003-of-00003.gguf"), path("last.gguf"));
  EXPECT_EQ(error_of(path("last.gguf")),
            path("last.gguf") + ": part 3 of 3 of a split model: give its first part");
}

TEST_F(Parts, AMissingOneIsNamed) {
  const std::string first = write_parts(three());
  fs::remove(path("m-00003-of-00003.gguf"));
  EXPECT_EQ(error_of(first), first + ": part 3 of 3: " + path("m-00003-of-00003.gguf") +
                                 ": cannot open: No such file or directory");
}

TEST_F(Parts, ANameOfAnotherFormIsRefused) {
  write_parts(three());
  fs::rename(path("m-00001-of-00003.gguf"), path("m.gguf"));
  EXPECT_EQ(error_of(path("m.gguf")),
            path("m.gguf") +
                ": part 1 of 3 of a split model: found a name that does not end in "
                "-00001-of-00003.gguf, so that the other parts' names are not known");
}

TEST_F(Parts, EachMustBeThePartThatItsNameSays) {
  auto parts = three();
  std::swap(parts[1], parts[2]);
  const std::string first = write_parts(parts);
  EXPECT_EQ(error_of(first),
            path("m-00002-of-00003.gguf") + ": found part 3 of 3 in it, wanted part 2 of 3");
  parts = three();
  parts[1].number("split.count", GgufValueType::u16, uint16_t{4});
  EXPECT_EQ(error_of(write_parts(parts)),
            path("m-00002-of-00003.gguf") + ": found part 2 of 4 in it, wanted part 2 of 3");
  parts = three();
  parts[0].number("split.no", GgufValueType::u16, uint16_t{3});
  EXPECT_EQ(error_of(write_parts(parts)),
            first + ": key split.no: found 3, wanted less than the 3 of split.count");
}

TEST_F(Parts, TensorsMustBeThereOnceAndAll) {
  auto parts = three();
  parts[2].tensors.push_back(parts[0].tensors[0]);
  const std::string first = write_parts(parts);
  EXPECT_EQ(error_of(first), path("m-00003-of-00003.gguf") +
                                 ": token_embd.weight: there are two tensors of this name");
  parts = three();
  parts[1].tensors.pop_back();
  EXPECT_EQ(error_of(write_parts(parts)),
            first + ": found 12 tensors in its 3 parts, wanted 13 (split.tensors.count)");
}

TEST_F(Parts, ABrokenOneIsNamed) {
  const std::string first = write_parts(three());
  fs::resize_file(path("m-00002-of-00003.gguf"), 40);
  EXPECT_TRUE(error_of(first).starts_with(path("m-00002-of-00003.gguf") + ": "));
}

// Bytes in memory have no fellows: nothing is opened, whatever they claim.
TEST_F(Parts, OfBytesInMemoryAreNotLookedFor) {
  GgufBuilder file = build_tiny();
  file.number("split.no", GgufValueType::u16, uint16_t{1});
  file.number("split.count", GgufValueType::u16, uint16_t{65535});
  const Bytes bytes = file.build();
  EXPECT_TRUE(ModelFile::parse(bytes, path("m-00002-of-65535.gguf")));
}

std::string what_is(std::string_view text) {
  const auto what = foreign_file(std::as_bytes(std::span(text)));
  return what ? std::string(*what) : "";
}

TEST(ForeignFile, IsNamed) {
  using namespace std::string_literals;
  const std::pair<std::string, const char*> cases[] = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a Git LFS pointer"},
      {"<!DOCTYPE html><html></html>", "a web page"},
      {"\xef\xbb\xbf \r\n\t<HTML lang=\"en\">", "a web page"},
      {"<!doctype HTML>", "a web page"},
      {"{\"error\":\"Repository not found\"}", "a JSON text"},
      {"Entry not found", "a text"},
      {"\x14\0\0\0\0\0\0\0{\"__metadata__\":{}}  "s, "a safetensors file"},
      {"lmgg\0\0\0\0"s, "an old ggml file"},
      {"fmgg\1\0\0\0"s, "an old ggml file"},
      {"tjgg\3\0\0\0"s, "an old ggml file"},
      {"PK\x03\x04\0\0"s, "a zip archive or a PyTorch checkpoint"},
      {"\x80\x02}q\x01"s, "a pickled PyTorch checkpoint"},
      {"\x1f\x8b\x08\0"s, "a compressed file"},
      {"\x28\xb5\x2f\xfd\0"s, "a compressed file"},
      {"\x7f"s + "ELF\2\1", "a program or a kernel cache"},
      {std::string(64, '\0'), "zeros at its start"},
      {"", "an empty file"},
  };
  for (const auto& [text, what] : cases)
    EXPECT_TRUE(what_is(text).starts_with(what)) << text << ": " << what_is(text);
  for (const std::string& unknown : {"GGUF\3\0\0\0"s, "\x1b\x0a\0\0"s, "\xff\xfe\xfd\xfc\xfb"s})
    EXPECT_EQ(what_is(unknown), "") << unknown;
}

TEST(ForeignFile, IsSaidByTheReader) {
  const std::string_view page = "\n<html>";
  EXPECT_EQ(Gguf::parse(std::as_bytes(std::span(page)), "m.gguf").error().message,
            "m.gguf: not a GGUF file: a web page, perhaps of an error: download the file itself");
}

TEST(ForeignFile, GgufFilesThatAreNoModelsAreNamedByTheirType) {
  const auto error_of = [](const char* type) {
    GgufBuilder file;
    file.text("general.type", type);
    const Bytes bytes = file.build();
    return ModelFile::parse(bytes, "m.gguf").error().message;
  };
  EXPECT_EQ(error_of("adapter"),
            "m.gguf: key general.type: found \"adapter\", an adapter (LoRA) of another model, "
            "wanted \"model\"");
  EXPECT_NE(error_of("mmproj").find("a projector"), std::string::npos);
  EXPECT_NE(error_of("imatrix").find("an importance matrix"), std::string::npos);
  EXPECT_NE(error_of("vocab").find("a vocabulary"), std::string::npos);
  EXPECT_EQ(error_of("\x1b[2J"), "m.gguf: key general.type: found \"\\x1b[2J\", wanted \"model\"");
  EXPECT_EQ(error_of("model"), "m.gguf: there is no key general.architecture");
}

// Would hang where open() waits for a writer.
TEST_F(Parts, AFifoIsRefusedAtOnce) {
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(error_of(path("fifo")), path("fifo") + ": not a regular file");
}

}  // namespace
}  // namespace bitnet::testing
