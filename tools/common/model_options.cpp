#include "tools/common/model_options.h"

#include "tools/common/console.h"

namespace bitnet {

void add_model_file_options(Options& options, ModelFileOptions& file) {
  const char* group = "Model file";
  options
      .add_option_function<std::string>(
          "--activation",
          [&file](const std::string& name) {
            file.activation = name == "relu2" ? GateActivation::relu2 : GateActivation::silu;
          },
          "the gate's activation, whatever the file says: silu or relu2")
      ->transform(one_of({"silu", "relu2"}))
      ->type_name("NAME")
      ->group(group);
  options
      .add_option_function<std::string>(
          "--i2s-layout",
          [&file](const std::string& name) {
            file.i2s_layout =
                name == "64" || name == "arm" ? I2sLayout::blocks_of_64 : I2sLayout::blocks_of_128;
          },
          "blocks of I2_S: 128 (x86; default), or 64 (arm) for a file that was quantized on ARM")
      ->transform(one_of({"128", "64", "x86", "arm"}))
      ->type_name("NAME")
      ->group(group);
}

void print_notices(const std::vector<std::string>& notices) {
  for (const std::string& notice : notices) message("note: {}\n", notice);
}

}  // namespace bitnet
