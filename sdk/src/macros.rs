//! The four entries.

/// A readiness gate: `readiness!(judge)`, where `judge` takes a [`Request`](crate::Request) and gives
/// [`Checks`](crate::Checks).
#[macro_export]
macro_rules! readiness {
    ($judge:path) => {
        $crate::__entry!("readiness", readiness, $judge);
    };
}

/// A gate: `gate!(judge)`, where `judge` takes a [`Request`](crate::Request) and gives a [`Ruling`](crate::Ruling).
#[macro_export]
macro_rules! gate {
    ($judge:path) => {
        $crate::__entry!("gate", gate, $judge);
    };
}

/// A validator: `validator!(judge)`, where `judge` takes a [`Request`](crate::Request) whose input is a
/// [`Document`](crate::Document) and gives [`Findings`](crate::Findings).
#[macro_export]
macro_rules! validator {
    ($judge:path) => {
        $crate::__entry!("validator", validator, $judge);
    };
}

/// A probe: `probe!(judge)`, where `judge` takes a [`Request`](crate::Request) and gives [`Evidence`](crate::Evidence).
#[macro_export]
macro_rules! probe {
    ($judge:path) => {
        $crate::__entry!("probe", probe, $judge);
    };
}

/// The metadata section and `main`. The section is an array, not a `&str`: only the static's own bytes go into it.
#[doc(hidden)]
#[macro_export]
macro_rules! __entry {
    ($kind:literal, $entry:ident, $judge:path) => {
        const _: () = {
            assert!(
                $crate::macro_support::name_is_valid(env!("CARGO_PKG_NAME")),
                "a gate's package name is [a-z0-9][a-z0-9._-]{{0,63}}"
            );
            const METADATA: &str = concat!(
                "{\"protocol\":1,\"name\":\"",
                env!("CARGO_PKG_NAME"),
                "\",\"version\":\"",
                env!("CARGO_PKG_VERSION"),
                "\",\"kind\":\"",
                $kind,
                "\"}"
            );
            #[used]
            #[cfg_attr(target_arch = "wasm32", unsafe(link_section = "portcullis.gate"))]
            static SECTION: [u8; METADATA.len()] = *METADATA.as_bytes().first_chunk().expect("it is as long as itself");
        };

        $crate::__main!($entry, $judge);
    };
}

/// `main` with std. A test build keeps the harness's own and only needs `judge` to be seen as used.
#[cfg(any(feature = "std", not(target_family = "wasm")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __main {
    ($entry:ident, $judge:path) => {
        fn main() {
            $crate::macro_support::$entry($judge);
        }
    };
}

/// `main` without std: the symbol that wasi-libc's `_start` calls.
#[cfg(all(target_family = "wasm", not(feature = "std")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __main {
    ($entry:ident, $judge:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn __main_void() -> i32 {
            $crate::macro_support::$entry($judge);
            0
        }
    };
}

/// The `format!` of the prelude without std: what alloc's says, by the code that the sdk has for it anyway.
#[doc(hidden)]
#[macro_export]
macro_rules! __format {
    ($($arguments:tt)*) => {
        $crate::macro_support::said(&::core::format_args!($($arguments)*))
    };
}

/// Whether a name is what the metadata allows: `[a-z0-9][a-z0-9._-]{0,63}`.
#[must_use]
pub const fn name_is_valid(name: &str) -> bool {
    let mut rest = name.as_bytes();
    if rest.len() > 64 || matches!(rest, [] | [b'.' | b'_' | b'-', ..]) {
        return false;
    }
    while let [first, tail @ ..] = rest {
        if !matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-') {
            return false;
        }
        rest = tail;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::name_is_valid;

    #[test]
    fn names_are_short_lower_case_and_start_with_a_letter_or_digit() {
        for good in ["a", "flow-lint", "a.b_c-9", "0"] {
            assert!(name_is_valid(good), "{good}");
        }
        for bad in ["", "-a", ".a", "_a", "A", "a b", "é", "a\"", &"a".repeat(65)] {
            assert!(!name_is_valid(bad), "{bad}");
        }
    }
}
