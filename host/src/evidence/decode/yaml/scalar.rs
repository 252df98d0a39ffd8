//! What a scalar of YAML means by the core schema.

use granit_parser::Tag;
use serde_json::{Number, Value};

use crate::text::excerpt;

/// A scalar that JSON can say.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'t> {
    Null,
    Bool(bool),
    Number(Number),
    Text(&'t str),
}

impl<'t> Scalar<'t> {
    /// What `text` means; `plain` is without quotes. With a tag, it has to be that.
    pub(super) fn read(text: &'t str, plain: bool, tag: Option<&Tag>) -> Result<Self, String> {
        match core_tag(tag)? {
            None if plain && tag.is_none() => Self::plain(text),
            None | Some("str") => Ok(Self::Text(text)),
            Some(tag) => {
                let scalar = Self::plain(text)?;
                let fits = match &scalar {
                    Self::Null => tag == "null",
                    Self::Bool(_) => tag == "bool",
                    // A whole number is a floating-point number that is written shorter.
                    Self::Number(number) => tag == "float" || tag == "int" && !number.is_f64(),
                    Self::Text(_) => false,
                };
                if fits { Ok(scalar) } else { Err(format!("`{}` is not what its tag says", excerpt(text, 40))) }
            }
        }
    }

    fn plain(text: &'t str) -> Result<Self, String> {
        Ok(match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Bool(true),
            "false" | "False" | "FALSE" => Self::Bool(false),
            _ if is_unbounded(text) => return Err(format!("JSON has no number `{text}`")),
            _ => number(text)?.map_or(Self::Text(text), Self::Number),
        })
    }

    /// As JSON writes it.
    pub(super) fn to_json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(truth) => truth.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => Value::from(*text).to_string(),
        }
    }
}

/// The name of the core schema's tag, and nothing where there is none or only `!`, which says that nothing is to be guessed.
pub(super) fn core_tag(tag: Option<&Tag>) -> Result<Option<&str>, String> {
    let Some(tag) = tag else { return Ok(None) };
    match tag.core_suffix() {
        None if tag.original() == "!" => Ok(None),
        None => Err(format!("the tag `{}` means nothing here", excerpt(&tag.original(), 80))),
        name => Ok(name),
    }
}

fn is_unbounded(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// The number that `text` is, or nothing where it is none.
fn number(text: &str) -> Result<Option<Number>, String> {
    let wrong = |reason| move |_| format!("{reason}: `{}`", excerpt(text, 40));
    let too_great = "the integer does not fit into 64 bits";
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|digit| digit.is_digit(radix))
        {
            return u64::from_str_radix(digits, radix).map(|number| Some(number.into())).map_err(wrong(too_great));
        }
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) {
        let signed = text.parse::<i64>().map(Number::from);
        return signed.or_else(|_| text.parse::<u64>().map(Number::from)).map(Some).map_err(wrong(too_great));
    }
    if !is_decimal(digits) {
        return Ok(None);
    }
    let float = text.parse().ok().and_then(Number::from_f64);
    float.map(Some).ok_or_else(|| format!("JSON has no number `{}`", excerpt(text, 40)))
}

/// Whether `text` is a floating-point number without its sign: digits with at most one point among them, and an exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(it, exponent)| (it, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    !(whole.is_empty() && fraction.is_empty())
        && digits(whole)
        && digits(fraction)
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}
