//! Places in a document: JSON pointers (RFC 6901).

use alloc::collections::BTreeMap;

use portcullis_sdk::{evidence::Members, json, prelude::*};

/// What `pointer` leads to in `document`, if it leads to something.
pub fn at<'a>(document: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    if pointer.is_empty() {
        return Some(document);
    }
    pointer.strip_prefix('/')?.split('/').try_fold(document, |value, step| {
        let step = step.replace("~1", "/").replace("~0", "~");
        if let Some(members) = Members::read(value) {
            return members.get(&step);
        }
        let index: usize = step.parse().ok().filter(|index: &usize| index.to_string() == step)?;
        json::read::<Vec<&RawValue>>(value.get()).ok()?.get(index).copied()
    })
}

/// Whether a text is a pointer.
pub fn is_pointer(text: &str) -> bool {
    let has_escapes = |(at, _)| text.get(at + 1..).is_some_and(|rest: &str| rest.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && text.match_indices('~').all(has_escapes)
}

/// Every value of `document` that has none below it, by the pointer that leads there.
pub fn leaves(document: &RawValue) -> BTreeMap<String, &RawValue> {
    let mut found = BTreeMap::new();
    add_leaves(document, String::new(), &mut found);
    found
}

/// The reader's limit on nesting bounds the recursion.
fn add_leaves<'a>(value: &'a RawValue, pointer: String, found: &mut BTreeMap<String, &'a RawValue>) {
    if let Some(members) = Members::read(value).filter(|members| !members.is_empty()) {
        for (name, value) in members {
            let name = name.replace('~', "~0").replace('/', "~1");
            add_leaves(value, format!("{pointer}/{name}"), found);
        }
        return;
    }
    match json::read::<Vec<&RawValue>>(value.get()) {
        Ok(list) if !list.is_empty() => {
            for (index, value) in list.into_iter().enumerate() {
                add_leaves(value, format!("{pointer}/{index}"), found);
            }
        }
        _ => {
            found.insert(pointer, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"a":{"b/c":[1,{"d~":null}]},"":"x","e":[],"f":{}}"#;

    #[test]
    fn a_pointer_leads_to_one_place_or_to_none() {
        let document: &RawValue = json::read(DOCUMENT).expect("JSON");
        for (pointer, expect) in [
            ("", Some(DOCUMENT)),
            ("/", Some("\"x\"")),
            ("/a/b~1c/0", Some("1")),
            ("/a/b~1c/1/d~0", Some("null")),
            ("/a/b~1c/2", None),
            ("/a/b~1c/00", None),
            ("/a/b~1c/-", None),
            ("/a/b", None),
            ("/e/0", None),
            ("a", None),
        ] {
            assert_eq!(at(document, pointer).map(RawValue::get), expect, "{pointer}");
        }
    }

    #[test]
    fn what_is_no_pointer_is_none() {
        for (text, expect) in
            [("", true), ("/a~0~1", true), ("a", false), ("/~", false), ("/~2", false), ("a/b", false)]
        {
            assert_eq!(is_pointer(text), expect, "{text}");
        }
    }

    #[test]
    fn the_leaves_of_a_document_are_all_that_it_says() {
        let document: &RawValue = json::read(DOCUMENT).expect("JSON");
        let leaves: Vec<_> = leaves(document).into_iter().map(|(pointer, value)| (pointer, value.get())).collect();
        let expect = [("/", "\"x\""), ("/a/b~1c/0", "1"), ("/a/b~1c/1/d~0", "null"), ("/e", "[]"), ("/f", "{}")];
        assert_eq!(leaves, expect.map(|(pointer, value)| (pointer.to_owned(), value)));
    }
}
