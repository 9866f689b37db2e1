// Attacks on the bytes of a kernel cache. Whatever is changed without a new digest is damage and
// refused as such; whatever is changed with one must be refused by the allow-list, or do no harm.
// Vetting maps and executes nothing.
#include <elf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>

#include "runtime/kernel/cache_elf.h"
#include "tests/codegen/fixture.h"

namespace bitnet::codegen {
namespace {

using Bytes = std::vector<std::byte>;

const Bytes& good_cache() {
  static const Bytes cache = leaf_cache();
  return cache;
}

Result<Manifest> vet(const Bytes& file) { return vet_cache(file, IsaSet(), kLeafShapes); }

std::string_view text_of(const Bytes& file) {
  return {reinterpret_cast<const char*>(file.data()), file.size()};
}

// Gives a changed cache the digest that fits it.
void seal(Bytes& file) {
  const size_t place = text_of(file).find("\"digest\": \"") + 11;
  const std::string digest = cache_digest(file, place);
  std::memcpy(file.data() + place, digest.data(), digest.size());
}

template <typename T>
T& at(Bytes& file, uint64_t offset) {
  return *reinterpret_cast<T*>(file.data() + offset);
}
Elf64_Ehdr& header(Bytes& file) { return at<Elf64_Ehdr>(file, 0); }
Elf64_Phdr& segment(Bytes& file, uint32_t type, int skip = 0) {
  for (size_t i = 0; i < header(file).e_phnum; ++i) {
    auto& p = at<Elf64_Phdr>(file, header(file).e_phoff + i * sizeof(Elf64_Phdr));
    if (p.p_type == type && skip-- == 0) return p;
  }
  ADD_FAILURE() << "no segment of type " << type;
  return at<Elf64_Phdr>(file, header(file).e_phoff);
}
Elf64_Phdr& code(Bytes& file) { return segment(file, PT_LOAD, 1); }
Elf64_Phdr& data(Bytes& file) { return segment(file, PT_LOAD, 2); }
Elf64_Dyn& tag(Bytes& file, int64_t wanted) {
  uint64_t offset = segment(file, PT_DYNAMIC).p_offset;
  while (at<Elf64_Dyn>(file, offset).d_tag != wanted &&
         at<Elf64_Dyn>(file, offset).d_tag != DT_NULL)
    offset += sizeof(Elf64_Dyn);
  EXPECT_EQ(at<Elf64_Dyn>(file, offset).d_tag, wanted);
  return at<Elf64_Dyn>(file, offset);
}

// The manifest changed in place; what is left of its room is filled with spaces.
void edit(Bytes& file, const std::function<void(Manifest&)>& change) {
  const auto layout = vet_elf(file, kArchitecture);
  ASSERT_TRUE(layout);
  auto manifest = parse_manifest(text_of(file).substr(layout->note_offset, layout->note_bytes));
  ASSERT_TRUE(manifest);
  change(*manifest);
  std::string json = to_json(*manifest);
  ASSERT_LE(json.size(), layout->note_bytes);
  json.resize(layout->note_bytes, ' ');
  std::memcpy(file.data() + layout->note_offset, json.data(), json.size());
}

TEST(CacheVet, AcceptsAGoodCache) {
  const auto manifest = vet(good_cache());
  ASSERT_TRUE(manifest) << manifest.error().message;
  Bytes same = good_cache();
  edit(same, [](Manifest&) {});
  seal(same);
  EXPECT_EQ(same, good_cache());  // what the attacks below build on
}

TEST(CacheVet, RefusesEveryLengthBelowTheWhole) {
  for (size_t length = 0; length < good_cache().size(); ++length) {
    const Bytes cut(good_cache().begin(), good_cache().begin() + static_cast<ptrdiff_t>(length));
    ASSERT_FALSE(vet(cut)) << length;
  }
  Bytes longer = good_cache();
  longer.push_back({});
  EXPECT_FALSE(vet(longer));
}

TEST(CacheVet, RefusesEveryFlippedByte) {
  Bytes file = good_cache();
  for (std::byte& b : file) {
    for (int flip : {0x01, 0x80, 0xff}) {
      const std::byte before = b;
      b ^= static_cast<std::byte>(flip);
      const auto manifest = vet(file);
      ASSERT_FALSE(manifest) << "byte " << &b - file.data() << " xor " << flip;
      ASSERT_EQ(manifest.error().message.find('\n'), std::string::npos);
      b = before;
    }
  }
  EXPECT_TRUE(vet(file));
}

struct Attack {
  const char* name;
  std::function<void(Bytes&)> change;
  const char* wanted;  // part of the reason
};
void PrintTo(const Attack& attack, std::ostream* stream) { *stream << attack.name; }

class CacheAttack : public testing::TestWithParam<Attack> {};

TEST_P(CacheAttack, IsRefusedWithAReason) {
  Bytes file = good_cache();
  GetParam().change(file);
  seal(file);
  const auto manifest = vet(file);
  ASSERT_FALSE(manifest);
  const std::string& reason = manifest.error().message;
  EXPECT_NE(reason.find(GetParam().wanted), std::string::npos) << reason;
  EXPECT_EQ(reason.find('\n'), std::string::npos) << reason;
}

const auto kAttackName = [](const auto& info) { return std::string(info.param.name); };

INSTANTIATE_TEST_SUITE_P(
    Header, CacheAttack,
    testing::Values(
        Attack{"Magic", [](Bytes& f) { header(f).e_ident[1] = 'e'; }, "not an ELF"},
        Attack{"Class32", [](Bytes& f) { header(f).e_ident[EI_CLASS] = ELFCLASS32; }, "64-bit"},
        Attack{"BigEndian", [](Bytes& f) { header(f).e_ident[EI_DATA] = ELFDATA2MSB; },
               "little-endian"},
        Attack{"Executable", [](Bytes& f) { header(f).e_type = ET_EXEC; }, "ELF type 2"},
        Attack{"OtherMachine", [](Bytes& f) { header(f).e_machine = EM_RISCV; },
               "another architecture"},
        Attack{"NoSegments", [](Bytes& f) { header(f).e_phnum = 0; }, "program headers"},
        Attack{"ManySegments", [](Bytes& f) { header(f).e_phnum = 65535; }, "program headers"},
        Attack{"HeadersElsewhere", [](Bytes& f) { header(f).e_phoff = ~uint64_t{0} - 8; },
               "outside the file"},
        Attack{"HeaderSize", [](Bytes& f) { header(f).e_phentsize = 32; }, "of 32 bytes"}),
    kAttackName);

INSTANTIATE_TEST_SUITE_P(
    Segments, CacheAttack,
    testing::Values(
        Attack{"WritableCode", [](Bytes& f) { code(f).p_flags |= PF_W; },
               "writable and executable"},
        Attack{"ExecutableData", [](Bytes& f) { data(f).p_flags |= PF_X; },
               "writable and executable"},
        Attack{"UnknownFlags", [](Bytes& f) { code(f).p_flags |= 0x100; }, "flags"},
        Attack{"ExecutableStack", [](Bytes& f) { segment(f, PT_GNU_STACK).p_flags |= PF_X; },
               "executable stack"},
        Attack{"NoStackSegment", [](Bytes& f) { segment(f, PT_GNU_STACK).p_type = PT_PHDR; },
               "PT_GNU_STACK"},
        Attack{"DataStaysWritable", [](Bytes& f) { segment(f, PT_GNU_RELRO).p_memsz = 0; },
               "stays writable"},
        Attack{"NoRelro", [](Bytes& f) { segment(f, PT_GNU_RELRO).p_type = PT_PHDR; },
               "stays writable"},
        Attack{"Interpreter", [](Bytes& f) { segment(f, PT_PHDR).p_type = PT_INTERP; },
               "PT_INTERP"},
        Attack{"ThreadLocal", [](Bytes& f) { segment(f, PT_PHDR).p_type = PT_TLS; }, "PT_TLS"},
        Attack{"UnknownSegment", [](Bytes& f) { segment(f, PT_PHDR).p_type = 0x6abcdef0; },
               "type 0x6abcdef0"},
        Attack{"TwoDynamics", [](Bytes& f) { segment(f, PT_PHDR).p_type = PT_DYNAMIC; },
               "more than one PT_DYNAMIC"},
        Attack{"OverlapInMemory", [](Bytes& f) { code(f).p_vaddr = 0; }, "overlap"},
        Attack{"OverlapInFile", [](Bytes& f) { data(f).p_offset = code(f).p_offset; }, "overlap"},
        Attack{"SharedPage", [](Bytes& f) { code(f).p_vaddr = code(f).p_offset = 0xc00; },
               "overlap"},
        Attack{"PastTheEnd", [](Bytes& f) { code(f).p_filesz = code(f).p_memsz = 1U << 20; },
               "outside the file"},
        Attack{"SumOverflows", [](Bytes& f) { code(f).p_filesz = ~uint64_t{0} - 0xfff; },
               "outside the file"},
        Attack{"FarAddress", [](Bytes& f) { data(f).p_vaddr = uint64_t{1} << 47; }, "at address"},
        Attack{"HugeMemory", [](Bytes& f) { data(f).p_memsz = uint64_t{1} << 40; }, "at address"},
        Attack{"LessMemoryThanFile", [](Bytes& f) { code(f).p_memsz = 1; }, "at address"},
        Attack{"OddAlignment", [](Bytes& f) { code(f).p_align = 4097; }, "alignment"},
        Attack{"NoAlignment", [](Bytes& f) { code(f).p_align = 0; }, "alignment"},
        Attack{"HugeAlignment", [](Bytes& f) { code(f).p_align = 1U << 21; }, "alignment"},
        Attack{"Misplaced", [](Bytes& f) { code(f).p_vaddr += 64; }, "cannot be mapped"},
        Attack{"DynamicElsewhere", [](Bytes& f) { segment(f, PT_DYNAMIC).p_vaddr = 0; },
               "PT_DYNAMIC lies outside"},
        Attack{"NotePastTheEnd",
               [](Bytes& f) { at<Elf64_Nhdr>(f, segment(f, PT_NOTE).p_offset).n_descsz = ~0U; },
               "outside its segment"},
        Attack{"OtherOwner", [](Bytes& f) { at<char>(f, segment(f, PT_NOTE).p_offset + 12) = 'b'; },
               "no manifest note"},
        Attack{"OtherNoteType",
               [](Bytes& f) { at<Elf64_Nhdr>(f, segment(f, PT_NOTE).p_offset).n_type = 2; },
               "no manifest note"},
        Attack{"TwoNotes", [](Bytes& f) { segment(f, PT_PHDR) = segment(f, PT_NOTE); },
               "more than one manifest"}),
    kAttackName);

// A tag that the system loader would act on, in the place of the harmless soname.
std::vector<Attack> tag_attacks() {
  std::vector<Attack> attacks;
  for (const auto& [name, value] : {std::pair<const char*, int64_t>{"NEEDED", DT_NEEDED},
                                    {"INIT", DT_INIT},
                                    {"FINI", DT_FINI},
                                    {"INIT_ARRAY", DT_INIT_ARRAY},
                                    {"FINI_ARRAY", DT_FINI_ARRAY},
                                    {"PREINIT_ARRAY", DT_PREINIT_ARRAY},
                                    {"REL", DT_REL},
                                    {"RELA", DT_RELA},
                                    {"RELR", DT_RELR},
                                    {"JMPREL", DT_JMPREL},
                                    {"TEXTREL", DT_TEXTREL},
                                    {"RPATH", DT_RPATH},
                                    {"RUNPATH", DT_RUNPATH},
                                    {"AUDIT", DT_AUDIT},
                                    {"DEPAUDIT", DT_DEPAUDIT},
                                    {"FILTER", DT_FILTER},
                                    {"AUXILIARY", DT_AUXILIARY}})
    attacks.push_back({name, [value](Bytes& f) { tag(f, DT_SONAME).d_tag = value; }, name});
  return attacks;
}
INSTANTIATE_TEST_SUITE_P(Tags, CacheAttack, testing::ValuesIn(tag_attacks()), kAttackName);

INSTANTIATE_TEST_SUITE_P(
    Dynamic, CacheAttack,
    testing::Values(
        Attack{"UnknownTag", [](Bytes& f) { tag(f, DT_SONAME).d_tag = -1; }, "0xffffffffffffffff"},
        Attack{"TextRelocations", [](Bytes& f) { tag(f, DT_FLAGS).d_un.d_val |= DF_TEXTREL; },
               "DT_FLAGS"},
        Attack{"Flags1", [](Bytes& f) { tag(f, DT_FLAGS_1).d_un.d_val |= DF_1_INITFIRST; },
               "DT_FLAGS_1"},
        Attack{"SymbolsElsewhere", [](Bytes& f) { tag(f, DT_SYMTAB).d_un.d_ptr = 1U << 30; },
               "points outside"},
        Attack{"HashElsewhere", [](Bytes& f) { tag(f, DT_GNU_HASH).d_un.d_ptr = ~uint64_t{0}; },
               "points outside"},
        Attack{"NoEnd", [](Bytes& f) { tag(f, DT_NULL).d_tag = DT_SONAME; }, "no end"}),
    kAttackName);

Attack manifest_attack(const char* name, const std::function<void(Manifest&)>& change,
                       const char* wanted) {
  return {name, [change](Bytes& f) { edit(f, change); }, wanted};
}

INSTANTIATE_TEST_SUITE_P(
    Manifests, CacheAttack,
    testing::Values(
        manifest_attack(
            "Format", [](Manifest& m) { m.format = 1; }, "format 1"),
        manifest_attack(
            "Abi", [](Manifest& m) { m.abi = 9; }, "calling convention 9"),
        manifest_attack(
            "Architecture", [](Manifest& m) { m.architecture = "vax"; }, "architecture vax"),
        manifest_attack(
            "UnknownIsa", [](Manifest& m) { m.isa = "sse9"; }, "sse9"),
        manifest_attack(
            "IsaOfTheFile", [](Manifest& m) { m.isa = "amx"; }, "needs amx"),
        manifest_attack(
            "Shapes", [](Manifest& m) { m.shapes[0] = 'f'; }, "shapes f123"),
        manifest_attack(
            "RunInHeaders", [](Manifest& m) { m.kernels[0].run = 64; }, "outside the executable"),
        manifest_attack(
            "RunInData", [](Manifest& m) { m.kernels[0].run = 0x2000; }, "outside the executable"),
        manifest_attack(
            "RunPastTheEnd", [](Manifest& m) { m.kernels[0].run = 0x40000000; },
            "outside the executable"),
        manifest_attack(
            "RunAbsent", [](Manifest& m) { m.kernels[0].run = 0; }, "outside the executable"),
        manifest_attack(
            "PackMisaligned", [](Manifest& m) { m.kernels[0].pack += 1; }, "not a multiple of 64"),
        manifest_attack(
            "PrepareInHeaders", [](Manifest& m) { m.kernels[0].prepare = 128; },
            "entry point prepare"),
        manifest_attack(
            "ExactK", [](Manifest& m) { m.kernels[0].sizes.exact_k = 0; }, "exact_k 0"),
        manifest_attack(
            "ExactKBelowK", [](Manifest& m) { m.kernels[0].sizes.exact_k = 47; },
            "exact up to K=47"),
        manifest_attack(
            "PackedBytes", [](Manifest& m) { m.kernels[0].sizes.packed_bytes = -1; },
            "packed_bytes -1"),
        manifest_attack(
            "RowStep", [](Manifest& m) { m.kernels[0].sizes.row_step = 0; }, "row_step 0"),
        manifest_attack(
            "Split", [](Manifest& m) { m.kernels[0].sizes.split = 7; }, "split 7"),
        manifest_attack(
            "KernelIndex", [](Manifest& m) { m.plans[0].problems[0].classes[0].kernel = 5; },
            "kernel 5 of 1"),
        manifest_attack(
            "NegativeIndex", [](Manifest& m) { m.plans[0].problems[0].classes[0].kernel = -1; },
            "kernel -1"),
        manifest_attack(
            "ClassGap", [](Manifest& m) { m.plans[0].problems[0].classes[1].m_min = 4; }, "gap"),
        manifest_attack(
            "NoClasses", [](Manifest& m) { m.plans[0].problems[0].classes.clear(); },
            "no kernel for 1"),
        manifest_attack(
            "LastClassEnds", [](Manifest& m) { m.plans[0].problems[0].classes[1].m_max = 9; },
            "no kernel for 10"),
        manifest_attack(
            "ProblemTooLarge", [](Manifest& m) { m.plans[0].problems[0].problem.k = 131073; },
            "131073"),
        manifest_attack(
            "Threads", [](Manifest& m) { m.plans[0].threads = 0; }, "0 threads"),
        manifest_attack(
            "SymbolOfAnother", [](Manifest& m) { m.kernels[0].symbol_prefix[0] = 'L'; },
            "symbol prefix"),
        manifest_attack(
            "OtherShapeInCode",
            [](Manifest& m) { m.kernels[0].symbol_prefix = m.kernels[0].name + "_6x0"; },
            "is not for 5x48"),
        manifest_attack(
            "NameWithoutGrammar", [](Manifest& m) { m.kernels[0].name = "nonsense"; }, "nonsense")),
    kAttackName);

// A kernel of a higher level than this CPU's, whatever the file as a whole claims.
TEST(CacheVet, RefusesAnotherLevelOrArchitecture) {
  const Spec spec = leaf_spec(4, 0, 0, Isa::avx2);
  Manifest manifest = leaf_manifest(spec);
  const auto cache = link_cache({{leaf_object(spec)}}, manifest);
  ASSERT_TRUE(cache) << cache.error().message;
  IsaSet avx2;
  avx2.add(Isa::avx2);
  EXPECT_TRUE(vet_cache(*cache, avx2, kLeafShapes));
  const auto below = vet_cache(*cache, IsaSet(), kLeafShapes);
  ASSERT_FALSE(below);
  EXPECT_NE(below.error().message.find("needs avx2, the highest level here is scalar"),
            std::string::npos)
      << below.error().message;
  Bytes liar = *cache;
  edit(liar, [](Manifest& m) { m.isa = "scalar"; });
  seal(liar);
  EXPECT_FALSE(vet_cache(liar, IsaSet(), kLeafShapes));

  const auto foreign = link_cache({{leaf_object(leaf_spec(), kForeign)}}, leaf_manifest());
  ASSERT_TRUE(foreign) << foreign.error().message;
  const auto refused = vet(*foreign);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("another architecture"), std::string::npos);
}

// avxvnni and avx512vnni are no ancestors of each other; a CPU that has both may use both.
TEST(CacheVet, KernelsOfTwoBranchesNeedBoth) {
  const Spec vnni = leaf_spec(2, 0, 0, Isa::avxvnni), wide = leaf_spec(4, 0, 0, Isa::avx512vnni);
  Manifest manifest = leaf_manifest(vnni);
  manifest.kernels.push_back(leaf_manifest(wide).kernels[0]);
  const std::vector<Object> objects = {leaf_object(vnni), leaf_object(wide)};
  const auto cache = link_cache(objects, manifest);
  ASSERT_TRUE(cache) << cache.error().message;
  IsaSet isa;
  isa.add(Isa::avx512vnni);
  const auto refused = vet_cache(*cache, isa, kLeafShapes);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("needs avxvnni"), std::string::npos);
  isa.add(Isa::avxvnni);
  EXPECT_TRUE(vet_cache(*cache, isa, kLeafShapes));
}

// Files with a fitting digest and random damage: refused or harmless, never a crash or a read
// outside (sanitizers see it).
TEST(CacheVet, SurvivesMutationsWithAFittingDigest) {
  std::mt19937 random(1);
  const int rounds = std::getenv("BITNET_FULL") != nullptr ? 2000000 : 20000;
  const size_t place = text_of(good_cache()).find("\"digest\": \"");
  const auto dynamic = [] {
    Bytes copy = good_cache();
    return static_cast<size_t>(segment(copy, PT_DYNAMIC).p_offset);
  }();
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    Bytes file = good_cache();
    const auto mutations = 1 + random() % 4;
    for (unsigned i = 0; i < mutations; ++i) {
      // Half of them in headers and dynamic section, where they hurt most.
      const size_t where = random() % 4 == 0   ? dynamic + random() % 0x90
                           : random() % 2 == 0 ? random() % 0x200
                                               : random() % file.size();
      if (where >= place && where < place + 48) continue;
      static constexpr unsigned kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
      const unsigned value = random() % 2 == 0 ? kEdges[random() % 5] : random() % 256;
      file[where] = static_cast<std::byte>(value);
    }
    seal(file);
    if (vet(file)) ++accepted;
  }
  EXPECT_GT(accepted, 0);  // in code and debug information, which say nothing of themselves
  EXPECT_LT(accepted, rounds * 9 / 10);
}

TEST(Manifest, ComesBackAsItWasWritten) {
  const Manifest manifest = leaf_manifest();
  const std::string json = to_json(manifest);
  const auto again = parse_manifest(json);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again), json);
  EXPECT_EQ(again->machine, manifest.machine);
  EXPECT_EQ(again->plans[1].problems[0].classes[1].m_max, kAnyTokens);
}

TEST(Manifest, NamesWhatIsWrong) {
  const std::string json = to_json(leaf_manifest());
  const auto reason = [&](const std::string& from, const std::string& to) {
    std::string changed = json;
    const size_t found = changed.find(from);
    EXPECT_NE(found, std::string::npos) << from;
    changed.replace(found, from.size(), to);
    const auto parsed = parse_manifest(changed);
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_EQ(reason("\"shapes\"", "\"shapez\""), "manifest: shapes: missing");
  EXPECT_EQ(reason("\"row_step\": 1", "\"row_step\": \"1\""),
            "manifest: kernels[0].sizes.row_step: found string, wanted an integer");
  EXPECT_EQ(reason("\"row_step\": 1", "\"row_step\": 9999999999"),
            "manifest: kernels[0].sizes.row_step: out of range");
  EXPECT_EQ(reason("\"run\": 0", "\"run\": -1"), "manifest: kernels[0].run: out of range");
  EXPECT_EQ(reason("\"qkv\"", "\"vqk\""),
            "manifest: plans[0].problems[0].problem.kind: unknown problem kind");
  EXPECT_EQ(reason("\"epilogue\": 1", "\"epilogue\": 77"),
            "manifest: plans[0].problems[0].problem.epilogue: unknown epilogue 77");
  EXPECT_EQ(reason("\"nanoseconds\": 12.5", "\"nanoseconds\": 1e999"), "manifest: not JSON");
  EXPECT_EQ(reason("\"format\": 2", "\"format\": 3"), "manifest: format 3, wanted 2");
  EXPECT_EQ(reason("\"kernels\"", "\"unknown\": {}, \"kernels\""), "accepted");
}

TEST(Manifest, SurvivesDamage) {
  std::mt19937 random(2);
  const std::string json = to_json(leaf_manifest());
  for (int round = 0; round < 5000; ++round) {
    std::string changed = json;
    for (unsigned i = 0; i < 1 + random() % 3; ++i)
      changed[random() % changed.size()] = "{}[]\",:0-e\\\x80 "[random() % 14];
    if (random() % 4 == 0) changed.resize(random() % changed.size());
    if (const auto parsed = parse_manifest(changed); !parsed) {
      ASSERT_EQ(parsed.error().message.find('\n'), std::string::npos);
    }
  }
  EXPECT_FALSE(parse_manifest(std::string(1000000, '[')));
  EXPECT_FALSE(
      parse_manifest("{\"format\":" + std::string(100000, '[') + std::string(100000, ']') + "}"));
  EXPECT_FALSE(parse_manifest(""));
}

}  // namespace
}  // namespace bitnet::codegen
