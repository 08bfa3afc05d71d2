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

static void add_disks(struct chb_hash *hash, const struct chb_vm_spec *spec)
{
    chb_hash_number(hash, "disks", spec->n_disks);
    for (unsigned i = 0; i < spec->n_disks; i++) {
        chb_hash_text(hash, "device", OR(spec->disks[i].device, "virtio-blk-pci"));
        chb_hash_text(hash, "id", spec->disks[i].id);
    }
}

static void add_nics(struct chb_hash *hash, const struct chb_vm_spec *spec)
{
    chb_hash_number(hash, "nics", spec->n_nics);
    for (unsigned i = 0; i < spec->n_nics; i++) {
        chb_hash_text(hash, "model", OR(spec->nics[i].model, "virtio-net-pci"));
        chb_hash_text(hash, "mac", spec->nics[i].mac);
    }
}

static void add_arguments(struct chb_hash *hash, const struct chb_vm_spec *spec)
{
    chb_hash_number(hash, "qemu_args", spec->n_extra);
    for (size_t i = 0; i < spec->n_extra; i++) {
        chb_hash_text(hash, "word", spec->extra[i]);
    }
}

static void add_part(struct chb_hash *hash, const struct chb_vm_config *config,
                     enum chb_spec_part part)
{
    const struct chb_vm_spec *spec = &config->spec;
    switch (part) {
    case CHB_SPEC_IDENTITY:
        chb_hash_text(hash, "name", spec->name);
        chb_hash_text(hash, "uuid", spec->uuid);
        return;
    case CHB_SPEC_MEMORY:
        chb_hash_number(hash, "memory", spec->memory_mb);
        return;
    case CHB_SPEC_CPUS:
        chb_hash_number(hash, "cpus", spec->cpus);
        chb_hash_text(hash, "cpu", spec->cpu);
        return;
    case CHB_SPEC_MACHINE:
        chb_hash_text(hash, "machine", OR(spec->machine, "pc"));
        chb_hash_text(hash, "accel", OR(spec->accel, "kvm"));
        return;
    case CHB_SPEC_DISKS:
        add_disks(hash, spec);
        return;
    case CHB_SPEC_NICS:
        add_nics(hash, spec);
        return;
    case CHB_SPEC_ARGUMENTS:
        add_arguments(hash, spec);
        return;
    case CHB_SPEC_RULES:
        chb_hash_number(hash, "replication_link", (uint64_t)(config->replication_link + 1));
        chb_hash_number(hash, "ipv6", (uint64_t)config->ipv6);
        chb_hash_number(hash, "require_fencing", config->require_fencing ? 1 : 0);
        return;
    case CHB_SPEC_PARTS:
        return;
    }
}

void chb_vm_config_hash(struct chb_vm_config *config)
{
    struct chb_hash whole;
    chb_hash_init(&whole, "colo-hbd spec 1");
    for (enum chb_spec_part part = 0; part < CHB_SPEC_PARTS; part++) {
        struct chb_hash alone;
        chb_hash_init(&alone, "colo-hbd spec part");
        add_part(&alone, config, part);
        add_part(&whole, config, part);
        uint64_t value = chb_hash_value(&alone);
        config->spec_parts[part] = (uint16_t)(value ^ value >> 16 ^ value >> 32 ^ value >> 48);
    }
    config->spec_hash = chb_hash_value(&whole);
}
