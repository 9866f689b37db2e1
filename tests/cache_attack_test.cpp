// Attacks on the bytes of a kernel cache, each with a digest that fits: refused by the allow-list,
// with a reason.
#include "tests/codegen/cache_bytes.h"

namespace bitnet::codegen {
namespace {

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

}  // namespace
}  // namespace bitnet::codegen
