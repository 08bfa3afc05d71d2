/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fencing/history.h>

#include <string.h>

/* How far in the future an entry's stamp may lie before it must be another clock's. */
#define FUTURE_MAX_NS 1000000000

/* FNV-1a. Two kinds that collide count as one, which can only hide a fence, never invent one:
 * counts add up in both histories alike. */
static uint64_t digest_text(uint64_t digest, const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;

    do {
        digest = (digest ^ *byte) * 0x100000001b3u;
    } while (*byte++ != '\0');
    return digest;
}

static uint64_t digest_asker(const struct chb_fencing_message *entry)
{
    return digest_text(digest_text(0xcbf29ce484222325u, entry->origin), entry->client);
}

static uint64_t digest_kind(const struct chb_fencing_message *entry)
{
    return digest_text(digest_text(digest_asker(entry), entry->action), entry->executioner);
}

static const struct chb_history_kind *find(const struct chb_history *history, uint64_t digest)
{
    for (size_t i = 0; i < history->count; i++) {
        if (history->kinds[i].digest == digest) {
            return &history->kinds[i];
        }
    }
    return NULL;
}

/* The kind with this digest, made if missing; NULL if the table is full. */
static struct chb_history_kind *find_or_make(struct chb_history *history, uint64_t digest)
{
    for (size_t i = 0; i < history->count; i++) {
        if (history->kinds[i].digest == digest) {
            return &history->kinds[i];
        }
    }
    if (history->count == CHB_HISTORY_KINDS_MAX) {
        return NULL;
    }
    history->kinds[history->count] = (struct chb_history_kind){.digest = digest};
    return &history->kinds[history->count++];
}

static const struct chb_history_asker *find_asker(const struct chb_history *history,
                                                  uint64_t digest)
{
    for (size_t i = 0; i < history->askers_count; i++) {
        if (history->askers[i].digest == digest) {
            return &history->askers[i];
        }
    }
    return NULL;
}

static void add_pending(struct chb_history *history, uint64_t digest, bool may_end)
{
    size_t i = 0;

    while (i < history->askers_count && history->askers[i].digest != digest) {
        i++;
    }
    if (i == CHB_HISTORY_ASKERS_MAX) {
        history->crowded = true;
        return;
    }
    if (i == history->askers_count) {
        history->askers[history->askers_count++] = (struct chb_history_asker){.digest = digest};
    }
    history->askers[i].count++;
    history->askers[i].may_end = history->askers[i].may_end || may_end;
}

void chb_history_add(struct chb_history *history, const struct chb_fencing_message *entry,
                     bool asker_is_there)
{
    struct chb_history_kind *kind;

    if (entry->state == CHB_FENCING_ENTRY_PENDING) {
        add_pending(history, digest_asker(entry), asker_is_there);
        return;
    }
    if (entry->state != CHB_FENCING_ENTRY_DONE || !chb_fencing_cuts_power(entry->action)) {
        return;
    }
    kind = find_or_make(history, digest_kind(entry));
    if (kind == NULL) {
        history->overflowed = true;
        return;
    }
    kind->asker = digest_asker(entry);
    kind->count++;
    kind->manual = strcmp(entry->executioner, CHB_FENCING_HUMAN) == 0;
    if (entry->completed_ns > kind->newest_ns) {
        kind->newest_ns = entry->completed_ns;
    }
}

bool chb_history_is_pending(const struct chb_history *history)
{
    for (size_t i = 0; i < history->askers_count; i++) {
        if (history->askers[i].may_end) {
            return true;
        }
    }
    return history->crowded;
}

bool chb_history_stale(const struct chb_history *now, const struct chb_history *before)
{
    if (now->crowded || (before->crowded && chb_history_is_pending(now))) {
        return true;
    }
    for (size_t i = 0; i < before->askers_count; i++) {
        const struct chb_history_asker *still = find_asker(now, before->askers[i].digest);
        if (still != NULL && still->may_end) {
            return true;
        }
    }
    return false;
}

/* Whether this kind of entry has become more frequent since `before`, not counting what was under
 * way then. */
static bool has_grown(const struct chb_history_kind *kind, const struct chb_history *before)
{
    const struct chb_history_kind *old;
    const struct chb_history_asker *asker;

    if (before == NULL) {
        return true;
    }
    old = find(before, kind->digest);
    asker = find_asker(before, kind->asker);
    return kind->count > (old == NULL ? 0 : old->count) + (asker == NULL ? 0 : asker->count);
}

void chb_history_judge(const struct chb_history *now, const struct chb_history *before,
                       int64_t since_ns, int64_t now_ns, struct chb_history_finding *ret)
{
    struct chb_history_finding finding = {
        .outcome = CHB_OUTCOME_FAILED,
        .reason = "the fencer's history has no fence after the loss",
    };

    if (now->overflowed || (before != NULL && before->overflowed)) {
        finding.outcome = CHB_OUTCOME_UNKNOWN;
        finding.reason = "the fencer's history of this node is too long to judge";
        *ret = finding;
        return;
    }
    for (size_t i = 0; i < now->count; i++) {
        const struct chb_history_kind *kind = &now->kinds[i];

        if (kind->newest_ns <= since_ns || !has_grown(kind, before)) {
            continue;
        }
        if (kind->newest_ns > now_ns + FUTURE_MAX_NS) {
            finding.outcome = CHB_OUTCOME_UNKNOWN;
            finding.reason = "the fencer's history has a fence in the future: clocks disagree";
            continue;
        }
        finding.outcome = CHB_OUTCOME_DONE;
        finding.completed_ns = kind->newest_ns;
        finding.manual = kind->manual;
        finding.reason = "the fencer's history has a fence after the loss";
        break;
    }
    *ret = finding;
}
