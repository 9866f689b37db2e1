// ISA levels, topology and fingerprint. Other machines are small trees of files.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "runtime/cpu/fingerprint.h"
#include "runtime/cpu/isa.h"
#include "runtime/cpu/processor_caches.h"
#include "runtime/cpu/topology.h"

namespace bitnet {
namespace {

namespace fs = std::filesystem;

class FakeRoot {
 public:
  FakeRoot() {
    std::string pattern = (fs::temp_directory_path() / "bitnet_cpu_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~FakeRoot() { fs::remove_all(path_); }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;

  void put(const std::string& name, const std::string& text) const {
    const fs::path file = path_ + "/" + name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Isa, TableIsInTheOrderOfTheEnumAndParentsComeFirst) {
  for (size_t i = 0; i < std::size(kIsaLevels); ++i) {
    const IsaLevel& level = kIsaLevels[i];
    EXPECT_EQ(static_cast<size_t>(level.isa), i) << level.name;
    EXPECT_LE(level.parent, level.isa) << level.name;
    EXPECT_EQ(parse_isa(level.name), level.isa);
    EXPECT_EQ(name(level.isa), level.name);
  }
  EXPECT_EQ(parse_isa("avx"), std::nullopt);
  EXPECT_EQ(parse_isa(""), std::nullopt);
}

TEST(Isa, SetsAreClosedUnderParentsAndLimitsOnlyRemove) {
  IsaSet set;
  set.add(Isa::avx512vbmi);
  EXPECT_TRUE(set.has(Isa::scalar));
  EXPECT_TRUE(set.has(Isa::avx2));
  EXPECT_TRUE(set.has(Isa::avx512vnni));
  EXPECT_FALSE(set.has(Isa::avxvnni));
  EXPECT_FALSE(set.has(Isa::amx));
  const IsaSet limited = set.limited_to(Isa::avxvnni);  // absent: only its parents are left
  EXPECT_EQ(limited.levels(), (std::vector{Isa::scalar, Isa::ssse3, Isa::avx2}));
  EXPECT_EQ(set.limited_to(Isa::scalar), IsaSet{});
  EXPECT_EQ(set.limited_to(Isa::amx), set);
}

TEST(Isa, ProvedIsWithinReported) {
  const IsaSet reported = reported_isa(), proved = proved_isa();
  for (Isa isa : proved.levels()) EXPECT_TRUE(reported.has(isa)) << name(isa);
  // No machine that these tests run on is known to lie; one that does shows up here.
  EXPECT_EQ(proved, reported);
}

TEST(Topology, CountsCoresNotThreads) {
  const FakeRoot root;
  for (int cpu = 0; cpu < 8; ++cpu) {  // four cores of two threads; CPU 7 has no topology
    if (cpu == 7) continue;
    root.put("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
             std::to_string(cpu % 4) + "," + std::to_string(cpu % 4 + 4) + "\n");
  }
  const std::vector<int> all{0, 1, 2, 3, 4, 5, 6}, some{1, 5}, unknown{3, 7};
  EXPECT_EQ(physical_cores(all, root.path()), 4);
  EXPECT_EQ(physical_cores(some, root.path()), 1);
  EXPECT_EQ(physical_cores(unknown, root.path()), 2);
}

TEST(Topology, CgroupV2TakesTheLeastQuotaOnTheWayUp) {
  const FakeRoot root;
  root.put("proc/self/cgroup", "0::/slice/app\n");
  EXPECT_EQ(cpu_quota(root.path()), std::nullopt);
  root.put("sys/fs/cgroup/slice/app/cpu.max", "max 100000\n");
  EXPECT_EQ(cpu_quota(root.path()), std::nullopt);
  root.put("sys/fs/cgroup/slice/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(cpu_quota(root.path()).value(), 1.5);
  root.put("sys/fs/cgroup/slice/app/cpu.max", "400000 100000\n");
  EXPECT_DOUBLE_EQ(cpu_quota(root.path()).value(), 1.5);
  root.put("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_DOUBLE_EQ(cpu_quota(root.path()).value(), 0.5);
}

TEST(Topology, CgroupV1AndNonsense) {
  const FakeRoot root;
  root.put("proc/self/cgroup",
           "garbage\n9:cpuset:/x\n4:cpu,cpuacct:/docker/1234\n1:name=systemd:/\n");
  const std::string group =
      "sys/fs/cgroup/cpu,cpuacct/";  // only the root is visible, as in a container
  root.put(group + "cpu.cfs_quota_us", "-1\n");
  root.put(group + "cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota(root.path()), std::nullopt);
  root.put(group + "cpu.cfs_quota_us", "300000\n");
  EXPECT_DOUBLE_EQ(cpu_quota(root.path()).value(), 3.0);
  root.put(group + "cpu.cfs_period_us", "0\n");
  EXPECT_EQ(cpu_quota(root.path()), std::nullopt);
  root.put(group + "cpu.cfs_period_us", "99999999999999999999999\n");
  EXPECT_EQ(cpu_quota(root.path()), std::nullopt);
}

TEST(Topology, MemoryThatMayStillBeTaken) {
  const FakeRoot root;
  EXPECT_EQ(available_memory_bytes(root.path()), std::nullopt);
  root.put("proc/meminfo", "MemTotal:       24000 kB\nMemAvailable:   20000 kB\n");
  EXPECT_EQ(available_memory_bytes(root.path()), 20000 << 10);
  root.put("proc/self/cgroup", "0::/slice/app\n5:memory:/docker\n");
  root.put("sys/fs/cgroup/slice/app/memory.max", "max\n");
  root.put("sys/fs/cgroup/slice/app/memory.current", "1000\n");
  EXPECT_EQ(available_memory_bytes(root.path()), 20000 << 10);
  root.put("sys/fs/cgroup/slice/memory.max", "9000000\n");
  root.put("sys/fs/cgroup/slice/memory.current", "2000000\n");
  EXPECT_EQ(available_memory_bytes(root.path()), 7000000);
  root.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "5000\n");
  root.put("sys/fs/cgroup/memory/memory.usage_in_bytes", "6000\n");
  EXPECT_EQ(available_memory_bytes(root.path()), 0);
  EXPECT_GT(available_memory_bytes().value_or(0), 1 << 20);
}

TEST(Topology, ThisProcessHasAtLeastOneThread) {
  EXPECT_GE(default_thread_count(), 1);
  EXPECT_LE(default_thread_count(), static_cast<int>(affinity_cpus().size()));
}

// CPUID leaves of the caches of other machines.
CpuidRegisters cache(uint32_t type, uint32_t level, uint32_t ways, uint32_t sets) {
  return {.eax = level << 5U | type, .ebx = (ways - 1) << 22U | 63U, .ecx = sets - 1};
}

TEST(Caches, IntelStatesThemInLeaf4) {
  // A Xeon of the Sapphire Rapids kind: 48K data, 32K instructions, 2M, 260M.
  const auto ask = [](uint32_t leaf, uint32_t subleaf) -> CpuidRegisters {
    const CpuidRegisters leaf4[] = {cache(1, 1, 12, 64), cache(2, 1, 8, 64), cache(3, 2, 16, 2048),
                                    cache(3, 3, 20, 212992)};
    return leaf == 4 && subleaf < 4 ? leaf4[subleaf] : CpuidRegisters{};
  };
  EXPECT_EQ(cpuid_cache_bytes(ask), (std::vector<int64_t>{48 << 10, 2 << 20, 260 << 20}));
}

TEST(Caches, AmdStatesThemInAnExtendedLeaf) {
  // A Zen 4: 32K data, 32K instructions, 1M, 32M; leaf 4 is reserved.
  bool topology_extensions = true;
  const auto ask = [&](uint32_t leaf, uint32_t subleaf) -> CpuidRegisters {
    if (leaf == 0x80000001U) return {.ecx = topology_extensions ? 1U << 22U : 0};
    const CpuidRegisters leaf1d[] = {cache(1, 1, 8, 64), cache(2, 1, 8, 64), cache(3, 2, 8, 2048),
                                     cache(3, 3, 16, 32768)};
    return leaf == 0x8000001DU && subleaf < 4 ? leaf1d[subleaf] : CpuidRegisters{};
  };
  EXPECT_EQ(cpuid_cache_bytes(ask), (std::vector<int64_t>{32 << 10, 1 << 20, 32 << 20}));
  topology_extensions = false;
  EXPECT_TRUE(cpuid_cache_bytes(ask).empty());
}

TEST(Caches, LeavesThatNeverEndAndNone) {
  EXPECT_TRUE(cpuid_cache_bytes([](uint32_t, uint32_t) { return CpuidRegisters{}; }).empty());
  const auto same = [](uint32_t, uint32_t) { return cache(3, 2, 8, 1024); };
  EXPECT_EQ(cpuid_cache_bytes(same), (std::vector<int64_t>{512 << 10}));
}

TEST(Caches, TheProcessorAgreesWithTheSystem) {
  // On CPU 0, of which /sys is read, for a machine whose cores differ. "/." is the root, and not
  // the missing one that lets cache_bytes ask the processor.
  std::vector<int64_t> stated;
  std::thread([&] {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);  // refused: cores that differ are rare
    stated = processor_cache_bytes();
  }).join();
  const std::vector<int64_t> system = cache_bytes("/.");
  if (system.empty()) GTEST_SKIP() << "needs /sys/devices/system/cpu/cpu0/cache";
  if (stated.empty()) GTEST_SKIP() << "this processor states no cache sizes to programs";
  EXPECT_EQ(stated, system);
}

// Exits with 0 where the caches are known although /sys is empty, with 77 where it cannot be
// hidden.
[[noreturn]] void exit_without_sys() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWNS) != 0) _exit(77);
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("none", "/sys", "tmpfs", 0, nullptr) != 0)
    _exit(77);
  if (!cache_bytes("/.").empty()) _exit(3);  // it is not hidden
  _exit(cache_bytes() == processor_cache_bytes() ? 0 : 1);
}

TEST(Caches, KnownWithoutSys) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) exit_without_sys();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs the right to mount over /sys";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Fingerprint, ReadsNameCachesAndCores) {
  const FakeRoot root;
  root.put("proc/cpuinfo",
           "processor\t: 0\ncpu family\t: 6\nmodel\t\t: 207\nmodel name\t: Some CPU @ 2 "
           "GHz\nstepping\t: 2\n\n"
           "processor\t: 1\nmodel name\t: Another\n");
  root.put("sys/devices/system/cpu/online", "0-1,4\n");
  const std::string cache = "sys/devices/system/cpu/cpu0/cache/index";
  const char* const levels[][3] = {
      {"1", "Data", "48K"}, {"1", "Instruction", "32K"}, {"2", "Unified", "2048K"}};
  for (int i = 0; i < 3; ++i) {
    root.put(cache + std::to_string(i) + "/level", levels[i][0]);
    root.put(cache + std::to_string(i) + "/type", levels[i][1]);
    root.put(cache + std::to_string(i) + "/size", levels[i][2]);
  }
  IsaSet levels_set;
  levels_set.add(Isa::avx2);
  const Machine machine = machine_of(root.path(), levels_set);
  EXPECT_EQ(machine.cpu, "Some CPU @ 2 GHz family 6 model 207 stepping 2");
  EXPECT_EQ(machine.isa_levels, "scalar ssse3 avx2");
  EXPECT_EQ(machine.cache_bytes, (std::vector<int64_t>{49152, 2097152}));
  EXPECT_EQ(machine.cores, 3);
}

TEST(Fingerprint, IdDependsOnCpuCachesAndCoresOnly) {
  Machine a{.cpu = "x", .isa_levels = "scalar", .cache_bytes = {1, 2}, .cores = 2};
  Machine b = a;
  b.isa_levels = "scalar ssse3";
  EXPECT_EQ(a.id(), b.id());
  EXPECT_EQ(a.id().size(), 8U);
  for (Machine other : {Machine{"y", "scalar", {1, 2}, 2}, Machine{"x", "scalar", {1, 3}, 2},
                        Machine{"x", "scalar", {1, 2}, 3}}) {
    EXPECT_NE(other.id(), a.id());
  }
  EXPECT_EQ(this_machine(reported_isa()).id(), this_machine(proved_isa()).id());
}

}  // namespace
}  // namespace bitnet
