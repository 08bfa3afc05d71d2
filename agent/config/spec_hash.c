/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must be equal on two hosts before they may form a pair.
 *
 * In: all that the guest can see (devices, their order, models and addresses, serials, memory,
 * processors, machine, accelerator, UUID, the user's arguments), what changes the words on the wire
 * (replication_link), and what changes which frames may leave (ipv6, require_fencing).
 * Out: what may differ without the guest or the peer noticing: paths and formats of images (one
 * host may have a raw volume, the other a file), bridges' names, the overlay folder, QEMU's path
 * (its version is compared on its own), and times and speeds, which only the side uses that acts on
 * them.
 */
#include <agent/config/hash.h>
#include <agent/config/reader.h>

#define OR(value, fallback) ((value) == NULL ? (fallback) : (value))

uint64_t chb_vm_config_hash(const struct chb_vm_config *config)
{
    const struct chb_vm_spec *spec = &config->spec;
    struct chb_hash hash;
    chb_hash_init(&hash, "colo-hbd spec 1");
    chb_hash_text(&hash, "name", spec->name);
    chb_hash_text(&hash, "uuid", spec->uuid);
    chb_hash_number(&hash, "memory", spec->memory_mb);
    chb_hash_number(&hash, "cpus", spec->cpus);
    chb_hash_text(&hash, "cpu", spec->cpu);
    chb_hash_text(&hash, "machine", OR(spec->machine, "pc"));
    chb_hash_text(&hash, "accel", OR(spec->accel, "kvm"));
    chb_hash_number(&hash, "disks", spec->n_disks);
    for (unsigned i = 0; i < spec->n_disks; i++) {
        chb_hash_text(&hash, "device", OR(spec->disks[i].device, "virtio-blk-pci"));
        chb_hash_text(&hash, "id", spec->disks[i].id);
    }
    chb_hash_number(&hash, "nics", spec->n_nics);
    for (unsigned i = 0; i < spec->n_nics; i++) {
        chb_hash_text(&hash, "model", OR(spec->nics[i].model, "virtio-net-pci"));
        chb_hash_text(&hash, "mac", spec->nics[i].mac);
    }
    chb_hash_number(&hash, "qemu_args", spec->n_extra);
    for (size_t i = 0; i < spec->n_extra; i++) {
        chb_hash_text(&hash, "word", spec->extra[i]);
    }
    chb_hash_number(&hash, "replication_link", (uint64_t)(config->replication_link + 1));
    chb_hash_number(&hash, "ipv6", (uint64_t)config->ipv6);
    chb_hash_number(&hash, "require_fencing", config->require_fencing ? 1 : 0);
    return chb_hash_value(&hash);
}
