#include "codegen/loops.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace bitnet::codegen {
namespace {

struct Block {
  size_t begin = 0, end = 0;  // [begin, end) of the function's code
  std::vector<size_t> successors, predecessors;
};

class Flow {
 public:
  Flow(const DecodedFunction& function, const MachineCode& machine)
      : function_(function), machine_(machine) {
    split();
    connect();
    dominate();
  }

  // Bodies of the natural loops by header; two jumps back to one header are one loop.
  std::map<size_t, std::set<size_t>> loops() const {
    std::map<size_t, std::set<size_t>> loops;
    for (size_t block = 0; block < blocks_.size(); ++block) {
      for (size_t header : blocks_[block].successors) {
        if (reached_[block] && dominators_[block].contains(header))
          collect(block, header, loops[header]);
      }
    }
    return loops;
  }
  const Block& block(size_t index) const { return blocks_[index]; }

 private:
  std::optional<size_t> target(size_t index) const {
    return branch_index(function_, index, machine_);
  }
  bool ends(size_t index) const {
    const auto& analysis = *machine_.analysis;
    const llvm::MCInst& inst = function_.code[index].inst;
    return analysis.isBranch(inst) || analysis.isReturn(inst);
  }
  bool falls_through(size_t index) const {
    const auto& analysis = *machine_.analysis;
    const llvm::MCInst& inst = function_.code[index].inst;
    return !analysis.isReturn(inst) && !analysis.isUnconditionalBranch(inst) &&
           !analysis.isIndirectBranch(inst);
  }

  void split() {
    std::set<size_t> starts = {0};
    for (size_t i = 0; i < function_.code.size(); ++i) {
      if (const auto to = target(i)) starts.insert(*to);
      if (ends(i) && i + 1 < function_.code.size()) starts.insert(i + 1);
    }
    for (auto at = starts.begin(); at != starts.end(); ++at) {
      const auto next = std::next(at);
      block_at_[*at] = blocks_.size();
      blocks_.push_back({.begin = *at,
                         .end = next == starts.end() ? function_.code.size() : *next,
                         .successors = {},
                         .predecessors = {}});
    }
  }

  void connect() {
    const auto edge = [&](size_t from, size_t to) {
      blocks_[from].successors.push_back(to);
      blocks_[to].predecessors.push_back(from);
    };
    for (size_t block = 0; block < blocks_.size(); ++block) {
      const size_t last = blocks_[block].end - 1;
      if (const auto to = target(last)) edge(block, block_at_.at(*to));
      if (falls_through(last) && block + 1 < blocks_.size()) edge(block, block + 1);
    }
  }

  // Sets, iterated to a fixed point: functions have a few hundred blocks at most.
  void dominate() {
    reached_.assign(blocks_.size(), false);
    dominators_.resize(blocks_.size());
    reached_[0] = true;
    dominators_[0] = {0};
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t block = 1; block < blocks_.size(); ++block) {
        std::optional<std::set<size_t>> common;
        for (size_t from : blocks_[block].predecessors) {
          if (!reached_[from]) continue;
          if (!common) {
            common = dominators_[from];
          } else {
            std::erase_if(*common, [&](size_t d) { return !dominators_[from].contains(d); });
          }
        }
        if (!common) continue;
        common->insert(block);
        if (reached_[block] && *common == dominators_[block]) continue;
        reached_[block] = changed = true;
        dominators_[block] = std::move(*common);
      }
    }
  }

  void collect(size_t block, size_t header, std::set<size_t>& body) const {
    body.insert(header);
    std::vector<size_t> work = {block};
    while (!work.empty()) {
      const size_t next = work.back();
      work.pop_back();
      if (!body.insert(next).second) continue;
      for (size_t from : blocks_[next].predecessors) work.push_back(from);
    }
  }

  const DecodedFunction& function_;
  const MachineCode& machine_;
  std::vector<Block> blocks_;
  std::map<size_t, size_t> block_at_;  // first instruction -> block
  std::vector<bool> reached_;
  std::vector<std::set<size_t>> dominators_;
};

}  // namespace

std::vector<InnerLoop> inner_loops(const DecodedFunction& function, const MachineCode& machine) {
  const Flow flow(function, machine);
  const auto loops = flow.loops();
  std::vector<InnerLoop> inner;
  for (const auto& [header, body] : loops) {
    const bool holds_another = std::ranges::any_of(loops, [&](const auto& other) {
      return other.first != header && body.contains(other.first);
    });
    if (holds_another) continue;
    InnerLoop loop;
    for (size_t block : body) {
      for (size_t i = flow.block(block).begin; i < flow.block(block).end; ++i)
        loop.code.push_back(i);
    }
    inner.push_back(std::move(loop));
  }
  return inner;
}

}  // namespace bitnet::codegen
