// Objects + manifest -> one relocation-free shared object: kernels' very objects that were timed,
// linked by lld in this process. The same objects and manifest give the same bytes.
//
// The manifest holds entry offsets and a digest, which are known only when it has been laid out. So
// a manifest with the widest numbers is linked, then the true one, padded with spaces to the same
// length, is written over it.

#include <lld/Common/Driver.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/Object/ELFObjectFile.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <mutex>

#include "codegen/codegen.h"
#include "codegen/llvm_support.h"
#include "runtime/base/xxh3.h"
#include "runtime/kernel/cache.h"
#include "runtime/kernel/cache_elf.h"

LLD_HAS_DRIVER(elf)

namespace bitnet::codegen {
namespace {

using enum Error::Kind;

constexpr std::string_view kNoteSection = ".note.bitnet.kc";
constexpr uint32_t kNoteType = 1;
constexpr uint64_t kWidestOffset = std::numeric_limits<uint32_t>::max();
constexpr std::string_view kNoDigest = "00000000000000000000000000000000";

// A folder of our own for lld, which reads and writes files. Gone with its owner.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create() {
    const char* parent = std::getenv("TMPDIR");
    std::string path =
        std::string(parent != nullptr && *parent == '/' ? parent : "/tmp") + "/bitnet-XXXXXX";
    if (mkdtemp(path.data()) == nullptr)
      return fail(io, "{}: cannot make a temporary folder: {}", path, std::strerror(errno));
    return TemporaryFolder(std::move(path));
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  Result<std::string> write(const std::string& name, std::span<const std::byte> bytes) const {
    std::ofstream stream(file(name), std::ios::binary);
    stream.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream) return fail(io, "{}: cannot write {} bytes", file(name), bytes.size());
    return file(name);
  }
  Result<std::vector<std::byte>> read(const std::string& name) const {
    std::ifstream stream(file(name), std::ios::binary | std::ios::ate);
    std::vector<std::byte> bytes(stream ? static_cast<size_t>(stream.tellg()) : 0);
    stream.seekg(0);
    stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!stream) return fail(io, "{}: cannot read", file(name));
    return bytes;
  }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Result<llvm::Triple> triple_of(const Object& object) {
  const llvm::StringRef text(reinterpret_cast<const char*>(object.bytes.data()),
                             object.bytes.size());
  BITNET_TRY(
      const auto file,
      to_result(llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(text, "object"))));
  return file->makeTriple();
}

// An object whose only content is the note: header, owner, JSON.
Result<std::vector<std::byte>> note_object(const std::string& json, const llvm::Triple& triple) {
  std::string note;
  const auto word = [&](size_t value) {
    const auto word32 = static_cast<uint32_t>(value);
    note.append(reinterpret_cast<const char*>(&word32), sizeof word32);
  };
  const auto pad = [&] { note.append((4 - note.size() % 4) % 4, '\0'); };
  word(kNoteOwner.size());
  word(json.size());
  word(kNoteType);
  note += kNoteOwner;
  pad();
  note += json;
  pad();

  llvm::LLVMContext context;
  llvm::Module module("manifest", context);
  module.setTargetTriple(triple.str());
  BITNET_TRY(const auto machine, make_target_machine(module));
  module.setDataLayout(machine->createDataLayout());
  auto* value = llvm::ConstantDataArray::getString(context, note, /*AddNull=*/false);
  auto* global = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                          llvm::GlobalValue::PrivateLinkage, value, "manifest");
  global->setSection(kNoteSection.data());  // LLVM makes a section of this prefix a note
  global->setAlignment(llvm::Align(4));
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return fail(unsupported, "{}: no object files", triple.str());
  passes.run(module);
  const auto* data = reinterpret_cast<const std::byte*>(buffer.data());
  return std::vector<std::byte>(data, data + buffer.size());
}

// gdb and perf know files by a build id. Ours is a digest of what goes in, as the output changes
// after lld is done.
std::string build_id(std::span<const Object> objects, const std::string& json) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, json.data(), json.size());
  for (const Object& object : objects)
    XXH3_128bits_update(&state, object.bytes.data(), object.bytes.size());
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return fmt::format("0x{:016x}{:016x}", hash.high64, hash.low64);
}

// lld keeps global state: one link at a time, and none after one that it could not clean up behind.
Result<void> run_lld(const std::vector<std::string>& arguments) {
  static std::mutex mutex;
  static bool can_run = true;
  const std::scoped_lock lock(mutex);
  if (!can_run) return fail(io, "lld crashed before and cannot run again in this process");
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  std::string errors;
  llvm::raw_string_ostream stream(errors);
  const lld::Result result = lld::lldMain(pointers, stream, stream, {{lld::Gnu, &lld::elf::link}});
  can_run = result.canRunAgain;
  if (result.retCode != 0) return fail(invalid, "lld: {}", errors.substr(0, errors.find('\n')));
  return {};
}

// --no-undefined proves that no call to a library crept in; separate-code gives code pages of its
// own. AArch64 systems have pages of up to 64 KB.
std::vector<std::string> lld_arguments(const llvm::Triple& triple, const std::string& id) {
  return {"ld.lld",
          "-shared",
          "-nostdlib",
          "--no-undefined",
          "--hash-style=gnu",
          "--threads=1",
          "--build-id=" + id,
          "-soname=bitnet.kc",
          "-znow",
          "-zrelro",
          "-znoexecstack",
          "-zseparate-code",
          triple.isAArch64() ? "-zmax-page-size=65536" : "-zmax-page-size=4096"};
}

Result<std::vector<std::byte>> link(std::span<const Object> objects, const std::string& json,
                                    const llvm::Triple& triple) {
  BITNET_TRY(const TemporaryFolder folder, TemporaryFolder::create());
  std::vector<std::string> arguments = lld_arguments(triple, build_id(objects, json));
  const std::string output = "bitnet.kc";
  arguments.insert(arguments.end(), {"-o", folder.file(output)});
  for (size_t i = 0; i < objects.size(); ++i) {
    BITNET_TRY(std::string path, folder.write(fmt::format("{}.o", i), objects[i].bytes));
    arguments.push_back(std::move(path));
  }
  BITNET_TRY(const std::vector<std::byte> note, note_object(json, triple));
  BITNET_TRY(std::string note_path, folder.write("manifest.o", note));
  arguments.push_back(std::move(note_path));
  BITNET_CHECK(run_lld(arguments));
  return folder.read(output);
}

// File offsets of the functions by name.
Result<std::map<std::string, uint64_t, std::less<>>> functions_of(std::span<const std::byte> file,
                                                                  const ElfLayout& layout) {
  const llvm::StringRef text(reinterpret_cast<const char*>(file.data()), file.size());
  BITNET_TRY(
      const auto owner,
      to_result(llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(text, "cache"))));
  const auto* elf = llvm::dyn_cast<llvm::object::ELFObjectFileBase>(owner.get());
  if (elf == nullptr) return fail(invalid, "lld wrote no ELF file");
  std::map<std::string, uint64_t, std::less<>> functions;
  for (const llvm::object::ELFSymbolRef symbol : elf->getDynamicSymbolIterators()) {
    BITNET_TRY(const llvm::StringRef name, to_result(symbol.getName()));
    BITNET_TRY(const uint64_t address, to_result(symbol.getAddress()));
    for (const ElfSegment& s : layout.segments) {
      if (address >= s.address && address - s.address < s.file_bytes)
        functions[name.str()] = s.offset + (address - s.address);
    }
  }
  return functions;
}

// What the manifest says of every kernel whatever the layout.
Result<void> describe_kernels(std::span<const Object> objects, Manifest& manifest) {
  if (objects.empty()) return fail(invalid, "a cache without kernels");
  if (objects.size() != manifest.kernels.size())
    return fail(invalid, "{} objects, but the manifest has {} kernels", objects.size(),
                manifest.kernels.size());
  Isa highest = Isa::scalar;
  for (size_t i = 0; i < objects.size(); ++i) {
    KernelRecord& kernel = manifest.kernels[i];
    const Spec& spec = objects[i].spec;
    if (kernel.name != to_string(spec.name))
      return fail(invalid, "kernel {} of the manifest is {}, its object {}", i, kernel.name,
                  to_string(spec.name));
    kernel.symbol_prefix = symbol_prefix(spec);
    highest = std::max(highest, spec.name.isa);
  }
  manifest.isa = name(highest);
  manifest.llvm_version = llvm_version();
  manifest.digest = kNoDigest;
  return {};
}

Result<void> set_entries(Manifest& manifest,
                         const std::map<std::string, uint64_t, std::less<>>& functions) {
  for (KernelRecord& kernel : manifest.kernels) {
    const auto offset = [&](const char* suffix) -> uint64_t {
      const auto found = functions.find(kernel.symbol_prefix + suffix);
      return found == functions.end() ? 0 : found->second;
    };
    kernel.pack = offset("_pack");
    kernel.prepare = offset("_prepare");
    kernel.run = offset("_run");
    if (kernel.pack == 0 || kernel.prepare == 0 || kernel.run == 0)
      return fail(invalid, "{}: functions are missing in the linked file", kernel.symbol_prefix);
  }
  return {};
}

// The true manifest over the one that was linked, then the digest over everything.
Result<void> write_manifest(const Manifest& manifest, const ElfLayout& layout,
                            std::vector<std::byte>& file) {
  std::string json = to_json(manifest);
  if (json.size() > layout.note_bytes)
    return fail(invalid, "manifest of {} bytes, {} were reserved", json.size(), layout.note_bytes);
  json.resize(layout.note_bytes, ' ');
  std::memcpy(file.data() + layout.note_offset, json.data(), json.size());
  const size_t place = layout.note_offset + json.find(kNoDigest);
  const std::string digest = cache_digest(file, place);
  std::memcpy(file.data() + place, digest.data(), digest.size());
  return {};
}

}  // namespace

Result<std::vector<std::byte>> link_cache(std::span<const Object> objects, Manifest manifest) {
  const InsideLlvm inside;
  BITNET_CHECK(describe_kernels(objects, manifest));
  BITNET_TRY(const llvm::Triple triple, triple_of(objects.front()));
  manifest.architecture = architecture_of(triple);
  for (KernelRecord& kernel : manifest.kernels)
    kernel.pack = kernel.prepare = kernel.run = kWidestOffset;
  BITNET_TRY(std::vector<std::byte> file, link(objects, to_json(manifest), triple));
  BITNET_TRY(const ElfLayout layout, vet_elf(file, manifest.architecture));
  BITNET_TRY(const auto functions, functions_of(file, layout));
  BITNET_CHECK(set_entries(manifest, functions));
  BITNET_CHECK(write_manifest(manifest, layout, file));

  IsaSet levels;
  for (const Object& object : objects) levels.add(object.spec.name.isa);
  BITNET_CHECK(vet_cache(file, levels, manifest.shapes, manifest.architecture));
  return file;
}

}  // namespace bitnet::codegen
