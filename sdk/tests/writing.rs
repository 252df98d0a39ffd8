//! What a gate writes beside `serde_json`: any value that an answer's details may be.

use std::collections::BTreeMap;

use portcullis_sdk::{Part, RawValue, Ruling, json};
use proptest::prelude::*;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// The details that are written, or why there are none.
fn written<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    match Ruling::new().check("a", true).details(value).into_answer() {
        Ok(answer) => Ok(answer.details.expect("there are details").get().to_owned()),
        Err(fault) => Err(fault.to_string()),
    }
}

#[track_caller]
fn as_serde_json_does<T: Serialize + ?Sized>(value: &T) {
    let theirs = serde_json::to_string(value).map_err(|error| format!("bad answer: {error}"));
    assert_eq!(written(value), theirs);
}

#[derive(Serialize)]
enum Choice {
    Unit,
    New(i8),
    Tuple(u8, String),
    Named { a: f32, b: Option<char> },
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct New<'a>(&'a str);

#[derive(Serialize)]
struct Tuple(i64, u64);

#[derive(Serialize)]
struct Whole {
    numbers: (i128, u128, f64, f32),
    nothing: ((), Unit, Option<bool>),
    empty: (BTreeMap<u8, u8>, Vec<u8>, Vec<()>),
    tuple: Tuple,
    choices: Vec<Choice>,
    names: BTreeMap<String, BTreeMap<i32, bool>>,
    letters: BTreeMap<char, i16>,
    truths: BTreeMap<bool, Option<Option<u8>>>,
    text: String,
}

/// An object whose one name is this value.
struct Named<T>(T);

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&self.0, &1)?;
        map.end()
    }
}

/// What displays itself, and what cannot be written.
enum Odd {
    Shown,
    Bytes,
    Refused,
}

impl Serialize for Odd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shown => serializer.collect_str(&format_args!("{:?} {}\n", "é", 1.5)),
            Self::Bytes => serializer.serialize_bytes(&[0, 255]),
            Self::Refused => Err(serde::ser::Error::custom("it is odd")),
        }
    }
}

#[test]
fn names_are_strings_or_numbers_and_nothing_else() {
    as_serde_json_does(&Named(Choice::Unit));
    as_serde_json_does(&Named(New("a\"b")));
    as_serde_json_does(&Named(Some(i128::MIN)));
    as_serde_json_does(&Named(Odd::Shown));
    for float in [1.0, -0.0, 0.1, 1e300, f64::NAN, f64::INFINITY] {
        as_serde_json_does(&Named(float));
        as_serde_json_does(&Named(float as f32));
        as_serde_json_does(&float);
    }
    as_serde_json_does(&Named(None::<u8>));
    as_serde_json_does(&Named(()));
    as_serde_json_does(&Named(Unit));
    as_serde_json_does(&Named((1, 2)));
    as_serde_json_does(&Named(Tuple(1, 2)));
    as_serde_json_does(&Named([1]));
    as_serde_json_does(&Named(Named(1)));
    as_serde_json_does(&Named(Choice::New(1)));
    as_serde_json_does(&Named(Choice::Tuple(1, String::new())));
    as_serde_json_does(&Named(Choice::Named { a: 1.0, b: None }));
    as_serde_json_does(&Named(Odd::Bytes));
    as_serde_json_does(&Named(Odd::Refused));
}

#[test]
fn what_writes_itself_is_written_so() {
    for odd in [Odd::Shown, Odd::Bytes, Odd::Refused] {
        as_serde_json_does(&[&odd]);
        as_serde_json_does(&BTreeMap::from([("a", odd)]));
    }
}

#[test]
fn a_piece_of_json_stays_as_it_was_written() {
    let piece: &RawValue = json::read(r#" {"a" : [1.50, "[\u0041{"]} "#).expect("it is JSON");
    assert_eq!(written(piece).as_deref(), Ok(r#"{"a" : [1.50, "[\u0041{"]}"#));
    as_serde_json_does(&vec![piece, piece]);
    as_serde_json_does(&BTreeMap::from([("x", (piece, "behind it"))]));
}

proptest! {
    #[test]
    fn values_are_written_as_serde_json_writes_them(
        numbers: (i128, u128, f64, f32),
        tuple: (i64, u64),
        names in prop::collection::btree_map(".{0,20}", prop::collection::btree_map(any::<i32>(), any::<bool>(), 0..3), 0..4),
        letters in prop::collection::btree_map(any::<char>(), any::<i16>(), 0..4),
        truths in prop::collection::btree_map(any::<bool>(), any::<Option<Option<u8>>>(), 0..2),
        text in "[\u{0}-\u{7f}é😀]{0,70}",
    ) {
        let choices = vec![
            Choice::Unit,
            Choice::New(numbers.0 as i8),
            Choice::Tuple(3, text.clone()),
            Choice::Named { a: numbers.3, b: text.chars().next() },
        ];
        let (nothing, empty) = (((), Unit, None), (BTreeMap::new(), Vec::new(), vec![(); text.len() % 3]));
        let tuple = Tuple(tuple.0, tuple.1);
        as_serde_json_does(&Whole { numbers, nothing, empty, tuple, choices, names, letters, truths, text });
    }
}
