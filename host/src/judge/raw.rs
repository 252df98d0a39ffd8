//! JSON that is kept as it was written: what has to hold for it although nothing here reads it.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

/// The offset of the first bracket that nests deeper than `deepest`. Knows strings, and leaves all other errors to the parser.
pub(super) fn too_deep(bytes: &[u8], deepest: usize) -> Option<usize> {
    // Few brackets cannot nest deep, and counting them is much faster than following them through strings.
    if bytes.iter().filter(|&&byte| byte == b'{' || byte == b'[').count() <= deepest {
        return None;
    }
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (offset, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                if depth > deepest {
                    return Some(offset);
                }
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// JSON that every reader reads the same way; the value itself is not kept.
pub(super) struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = Names::default();
        while let Some(()) = map.next_key_seed(&mut names)? {
            map.next_value::<Self>()?;
        }
        Ok(self)
    }
}

/// The member names of one object so far. Most objects are small, and a short list beats a table for them.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    const FEW: usize = 16;

    fn add<E: de::Error>(&mut self, name: Cow<'de, str>) -> Result<(), E> {
        if self.few.contains(&name) || self.many.contains(&name) {
            return Err(E::custom(format_args!("duplicate field `{name}`")));
        }
        if self.few.len() < Self::FEW {
            self.few.push(name);
        } else {
            self.many.insert(name);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Names<'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for &mut Names<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<(), E> {
        self.add(Cow::Borrowed(name))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<(), E> {
        self.add(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_strings_only() {
        for (text, expect) in [
            ("[[1]]", None),
            ("[[[1]]]", Some(2)),
            (r#"["[[[", "\\\"[[["]"#, None),
            (r#"["\\\\", [["#, Some(10)),
            ("[][][][]", None),
            ("]]]][[[", Some(6)),
        ] {
            assert_eq!(too_deep(text.as_bytes(), 2), expect, "{text}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let wide = |last: &str| {
            let names: Vec<String> = (0..40).map(|number| format!("\"n{number}\":0")).collect();
            format!("{{{},\"{last}\":0}}", names.join(","))
        };
        for (text, expect) in [
            (r#"{"a":1,"b":[{"a":-1.5},{"a":null}],"c":{"a":true}}"#.to_owned(), true),
            (r#"{"a":1,"a":2}"#.to_owned(), false),
            (r#"{"a":1,"\u0061":2}"#.to_owned(), false),
            (r#"[{"x":{"a":1,"b":2,"a":3}}]"#.to_owned(), false),
            (r#""\ud800""#.to_owned(), false),
            ("1e999".to_owned(), false),
            (wide("n39"), false),
            (wide("n0"), false),
            (wide("other"), true),
        ] {
            assert_eq!(serde_json::from_str::<Unambiguous>(&text).is_ok(), expect, "{text}");
        }
    }
}
