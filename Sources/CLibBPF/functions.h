// The functions of libbpf that are used, in the order of struct clibbpf.

#ifndef CLIBBPF_FUNCTIONS_H
#define CLIBBPF_FUNCTIONS_H

/// Calls F(name in libbpf, member of struct clibbpf) for each.
#define CLIBBPF_FUNCTIONS(F)                                       \
  F(bpf_object__open_mem, object_open_mem)                         \
  F(bpf_object__load, object_load)                                 \
  F(bpf_object__close, object_close)                               \
  F(bpf_object__find_program_by_name, object_find_program_by_name) \
  F(bpf_object__find_map_by_name, object_find_map_by_name)         \
  F(bpf_program__attach, program_attach)                           \
  F(bpf_program__fd, program_fd)                                   \
  F(bpf_link_create, link_create)                                  \
  F(bpf_link__fd, link_fd)                                         \
  F(bpf_link__destroy, link_destroy)                               \
  F(bpf_map__fd, map_fd)                                           \
  F(bpf_map__reuse_fd, map_reuse_fd)                               \
  F(bpf_map_lookup_elem, map_lookup_elem)                          \
  F(bpf_map_update_elem, map_update_elem)                          \
  F(bpf_map_update_batch, map_update_batch)                        \
  F(bpf_map_delete_elem, map_delete_elem)                          \
  F(bpf_map_get_next_key, map_get_next_key)                        \
  F(bpf_obj_pin, obj_pin)                                          \
  F(bpf_obj_get, obj_get)                                          \
  F(bpf_prog_get_fd_by_id, prog_get_fd_by_id)                      \
  F(bpf_obj_get_info_by_fd, obj_get_info_by_fd)                    \
  F(libbpf_find_vmlinux_btf_id, find_vmlinux_btf_id)               \
  F(ring_buffer__new, ring_buffer_new)                             \
  F(ring_buffer__consume, ring_buffer_consume)                     \
  F(libbpf_set_print, set_print)

#endif
