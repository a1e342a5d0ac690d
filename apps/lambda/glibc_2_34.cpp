// SPDX-License-Identifier: Apache-2.0
// What the static runtime of our compiler wants of the C library and Lambda's has not: without it,
// the dynamic linker there refuses the whole executable. Only in builds with JITNEY_STATIC.
#include <dlfcn.h>
#include <link.h>

#include <cstddef>
#include <cstdint>

// glibc 2.35 has it, Amazon Linux 2023 has 2.34. The unwinder looks up an exception's frames by it:
// the object that an address is in, and that object's table of frames. Async-signal-safe here it is
// not, unlike glibc's; nothing throws in a signal handler.
extern "C" {
__attribute__((visibility("hidden"))) int _dl_find_object(void* address,
                                                          dl_find_object* result) noexcept;
}

namespace {

struct Search {
  std::uintptr_t address;
  dl_find_object* result;
};

std::uintptr_t start_of(const dl_phdr_info& object, const ElfW(Phdr) & segment) {
  return object.dlpi_addr + segment.p_vaddr;
}

// Called for each loaded object; 1 ends the walk.
int look(dl_phdr_info* object, std::size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::uintptr_t frames = 0;
  bool inside = false;
  for (ElfW(Half) i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    const std::uintptr_t start = start_of(*object, segment);
    if (segment.p_type == PT_GNU_EH_FRAME) frames = start;
    if (segment.p_type != PT_LOAD) continue;
    if (begin == 0 || start < begin) begin = start;
    if (start + segment.p_memsz > end) end = start + segment.p_memsz;
    inside |= search.address >= start && search.address < start + segment.p_memsz;
  }
  if (!inside || frames == 0) return 0;
  *search.result = {};
  search.result->dlfo_map_start = reinterpret_cast<void*>(begin);
  search.result->dlfo_map_end = reinterpret_cast<void*>(end);
  search.result->dlfo_eh_frame = reinterpret_cast<void*>(frames);
  return 1;
}

}  // namespace

int _dl_find_object(void* address, dl_find_object* result) noexcept {
  Search search{.address = reinterpret_cast<std::uintptr_t>(address), .result = result};
  return dl_iterate_phdr(look, &search) == 1 ? 0 : -1;
}
