//! Resets whose deciding facts the capture lacks, and resets that follow from others.

use super::Words;

pub const STARTS_MID_CONNECTION: Words = Words {
    sentence: "{sender} reset {receiver}; the capture starts too late to say why. The reset looks like {form}.",
    check: "start the capture before the connection is opened, or run live until it happens again",
};

pub const TRIGGER_MISSING: Words = Words {
    sentence: "{sender} reset {receiver}; what provoked it was not captured. The reset looks like {form}.",
    check: "capture without sampling or drops, with a filter that lets both directions through (host and port only)",
};

pub const ONE_SIDED: Words = Words {
    sentence: "{sender} reset {receiver}; the capture shows one direction only. The reset looks like {form}.",
    check: "capture where both directions pass (asymmetric routing, one side of a mirror port), \
            with a filter on host and port only",
};

pub const TRUNCATED: Words = Words {
    sentence: "{sender} reset {receiver}; the capture cut off the TCP header that would say more. The reset looks like {form}.",
    check: "capture with a longer snapshot length: -s 262144, or at least -s 128",
};

pub const CONFLICTING: Words = Words {
    sentence: "{sender} reset {receiver}; what the capture shows contradicts itself. The reset looks like {form}.",
    check: "capture at {sender-host} too, and see that no frames are dropped or reordered",
};

pub const ECHO_AFTER_RESET: Words = Words {
    sentence: "{sender} answered one more segment of {receiver}[, {trigger}]: the connection was already gone\
               [ with {follows}].",
    check: "nothing of its own[: see {follows}]",
};

pub const DUPLICATE: Words = Words {
    sentence: "{sender} to {receiver}: the same reset[ as {follows}], captured once more.",
    check: "nothing of its own; the capture holds frames twice (several interfaces, a bridge, a mirror port)",
};

pub const CONSEQUENCE: Words = Words {
    sentence: "{sender} no longer had the connection with {receiver}: an earlier reset[, {follows},] {maybe}had ended it.",
    check: "nothing of its own[: see {follows}]",
};
