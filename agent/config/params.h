/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameters of one VM, as they stand in the cluster's configuration
 * (ocf_colo_vm(7)), turned into what the daemon works with. The daemon and `coloctl vm validate`
 * read them with the same code, so what validates also starts.
 */
#ifndef CHB_CONFIG_PARAMS_H
#define CHB_CONFIG_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/config/error.h>
#include <agent/core/limits.h>
#include <agent/core/message.h>
#include <agent/core/time.h>
#include <agent/qemu/vm_spec.h>

#define CHB_PARAMS_MAX 64               /* parameters of one VM */
#define CHB_PARAM_VALUE_MAX 16384       /* bytes of one value */
#define CHB_PARAM_FILE_MAX (256 * 1024) /* bytes of the file named by `config` */
#define CHB_PARAM_WORDS_MAX 200         /* words of qemu_args */

/* One parameter as written. Both strings are borrowed. */
struct chb_param {
    const char *key;
    const char *value;
};

/* Who the VM is. What is derived (MACs, UUID) is derived from both, so it is equal on all hosts of
 * the cluster and differs from another cluster's VM of the same name. */
struct chb_vm_identity {
    const char *vm;      /* see chb_vm_name_check() */
    const char *cluster; /* totem.cluster_name; NULL or "": not known (validation) */
};

enum chb_ipv6 {
    CHB_IPV6_DROP,  /* the guest's IPv6 frames are dropped: COLO does not hold them back (R7) */
    CHB_IPV6_ALLOW, /* the operator's signature: IPv6 leaves before both sides agree on it */
};

/* One VM, configured. Owns all strings that `spec` points to. */
struct chb_vm_config {
    /* Of the members "per start" only overlay_dir may be set (NULL: not given); the taps' names are
     * filled in, everything else is left for whoever starts QEMU. */
    struct chb_vm_spec spec;

    int replication_link;         /* corosync link, 0 to 7; -1: the last one */
    uint32_t checkpoint_delay_ms; /* 0: QEMU's own default */
    uint32_t compare_timeout_ms;  /* 0: QEMU's own default */
    chb_span hang_timeout;        /* CHB_HANG_TIMEOUT_MIN_MS to _MAX_MS */
    chb_span shutdown_timeout;    /* 0: QEMU is killed at once; to 1 h */
    uint64_t resync_bytes_per_s;  /* 0: unlimited */
    bool require_fencing;
    enum chb_ipv6 ipv6;
    bool restart_guest; /* on_poweroff=restart */

    /* Equal on two hosts if and only if they would show the guest the same machine; see params.c.
     * Compared before a join, because QEMU does not. */
    uint64_t spec_hash;
    uint16_t spec_parts[CHB_SPEC_PARTS]; /* of each part alone, to name what differs */

    struct chb_arena *arena; /* private */
};

/*
 * Reads the parameters. Pure but for memory.
 *
 * params: n_params of them, any order, each key once; "config" is not followed here.
 * config_text: content of the file named by `config`, config_size bytes, or NULL.
 * ret_config: owned by the caller, chb_vm_config_free().
 * ret_error: may be NULL; set on failure only.
 * Returns 0; -EINVAL for wrong content (the same on every host of the cluster, but for a file);
 * -E2BIG beyond a bound above; -ENOMEM.
 */
int chb_params_parse(const struct chb_vm_identity *identity, const struct chb_param *params,
                     size_t n_params, const char *config_text, size_t config_size,
                     struct chb_vm_config **ret_config, struct chb_config_error *ret_error);

/*
 * The same, and reads the file named by `config` first, if any: a local, regular file of at most
 * CHB_PARAM_FILE_MAX bytes. Returns also -ENOENT, -EACCES and the like when it cannot be read:
 * wrong on this host only.
 */
int chb_params_load(const struct chb_vm_identity *identity, const struct chb_param *params,
                    size_t n_params, struct chb_vm_config **ret_config,
                    struct chb_config_error *ret_error);

/* Takes and returns NULL. */
struct chb_vm_config *chb_vm_config_free(struct chb_vm_config *config);

/* Whether a disk's image is missing on this host, or cannot be read and written: 0 when all are
 * there, else a negative errno and the first one's path in ret_path (may be NULL), borrowed from
 * config. */
int chb_vm_config_missing_image(const struct chb_vm_config *config, const char **ret_path);

/* Whether the bridges of all NICs are on this host; never blocks. Returns 0, or -ENODEV with
 * ret_error about the first one missing. */
int chb_vm_config_check_bridges(const struct chb_vm_config *config,
                                struct chb_config_error *ret_error);

/*
 * Whether this host has what a start needs of all that the parameters name: QEMU, overlay folder,
 * bridges, and images in their format. An image that is absent is no fault if its folder is there:
 * it is made when this host is filled. Both validate-all and start ask this, so what one accepts
 * the other does, in the same words. default_qemu: of colo-hbd.conf. Asks the file system, which
 * may hang, and the kernel; changes nothing. Returns 0; -ENOENT, -EACCES, -ENODEV, -EBADMSG and
 * the like, with ret_error about the first fault.
 */
int chb_vm_config_check_host(const struct chb_vm_config *config, const char *default_qemu,
                             struct chb_config_error *ret_error);

/* A VM's name: 1 to CHB_VM_NAME_MAX of [A-Za-z0-9_.-], beginning with a letter or digit. Returns 0,
 * -EINVAL with ret_error. Pure. */
int chb_vm_name_check(const char *name, struct chb_config_error *ret_error);

/* One parameter for documentation, meta-data and their tests. */
struct chb_param_info {
    const char *key;
    const char *fallback; /* what holds when it is absent, in words */
    const char *summary;
};

/* All parameters there are, in the order of the manual. Static. */
const struct chb_param_info *chb_param_infos(size_t *ret_count);

#endif
