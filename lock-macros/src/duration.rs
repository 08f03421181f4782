//! Lengths of time as the attribute takes them.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, ExprUnary, Lit, UnOp};

use crate::errors::Errors;

/// A length of time: known now, or an expression of type `Duration` evaluated at each call.
pub(crate) enum Length {
    Millis(u128, Span),
    Value(Box<Expr>),
}

const INTEGERS: [&str; 12] = [
    "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
];

/// `10`, `"1500ms"`, or anything else as an expression.
pub(crate) fn read(name: &str, expr: Expr, errors: &mut Errors) -> Option<Length> {
    let expr = ungrouped(expr);
    let span = expr.span();
    let literal = match &expr {
        Expr::Lit(ExprLit { lit, .. }) => lit,
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr: inner,
            ..
        }) if matches!(**inner, Expr::Lit(_)) => {
            errors.on(&expr, too_short(name));
            return None;
        }
        _ => return Some(Length::Value(Box::new(expr))),
    };
    let millis = match literal {
        Lit::Int(number) if number.suffix().is_empty() || INTEGERS.contains(&number.suffix()) => {
            // A number beyond u128 is beyond every range too.
            Ok(number
                .base10_parse::<u128>()
                .unwrap_or(u128::MAX)
                .saturating_mul(1_000))
        }
        Lit::Int(number) => {
            let (digits, suffix) = (number.base10_digits(), number.suffix());
            Err(match unit_of(suffix) {
                Some("s") => format!("write `{name} = {digits}` or `{name} = \"{digits}s\"`"),
                Some(unit) => format!("write `{name} = \"{digits}{unit}\"`"),
                None => format!(
                    "expected a duration, such as `{name} = {digits}` or `{name} = \"500ms\"`"
                ),
            })
        }
        Lit::Float(_) => Err(format!(
            "`{name}` in fractions of a second is written as a string, such as `{name} = \"1500ms\"`"
        )),
        Lit::Str(text) if text.suffix().is_empty() => {
            parse(&text.value()).ok_or_else(|| not_a_duration(&text.value()))
        }
        _ if name == "renew" => {
            Err("write `renew` alone, or the longest hold, such as `renew = \"2h\"`".to_owned())
        }
        _ => Err(format!(
            "expected a duration, such as `{name} = 10` or `{name} = \"500ms\"`"
        )),
    };
    match millis {
        Ok(millis) => Some(Length::Millis(millis, span)),
        Err(message) => {
            errors.on(literal, message);
            None
        }
    }
}

fn not_a_duration(text: &str) -> String {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let (number, unit) = text.split_at(text.len() - digits.len());
    let meant = unit_of(unit.trim()).filter(|_| !number.is_empty());
    let meant = meant.map_or_else(String::new, |unit| {
        format!(", did you mean `\"{number}{unit}\"`?")
    });
    format!(
        "{text:?} is not a duration, such as `\"10s\"` or `\"500ms\"`: \
         a whole number and one of `ms`, `s`, `m`, `h`{meant}"
    )
}

/// The unit that others write like this.
pub(crate) fn unit_of(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "ms" | "msec" | "msecs" | "milli" | "millis" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        _ => return None,
    })
}

/// A negative length is too short for whatever asked for it.
fn too_short(name: &str) -> String {
    match name {
        "ttl" => "`ttl` must be at least 10 ms".to_owned(),
        _ => format!("`{name}` must not be negative"),
    }
}

/// Expressions that came through `macro_rules!` are wrapped in invisible groups.
pub(crate) fn ungrouped(mut expr: Expr) -> Expr {
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    expr
}

/// Milliseconds of `10s`, `1500ms`, `5m` or `2h`.
fn parse(text: &str) -> Option<u128> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    if number.is_empty() {
        return None;
    }
    Some(
        number
            .parse::<u128>()
            .unwrap_or(u128::MAX)
            .saturating_mul(unit),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{not_a_duration, parse};

    #[test]
    fn units() {
        assert_eq!(parse("1500ms"), Some(1_500));
        assert_eq!(parse("10s"), Some(10_000));
        assert_eq!(parse("5m"), Some(300_000));
        assert_eq!(parse("2h"), Some(7_200_000));
        assert_eq!(parse(&format!("{}h", "9".repeat(60))), Some(u128::MAX));
    }

    #[test]
    fn what_is_not_a_duration() {
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "1.5s",
            "10 s",
            "ten seconds",
            "1s2",
            "١s",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_units_are_named() {
        for (text, meant) in [
            ("5min", "5m"),
            ("10 s", "10s"),
            ("250 millis", "250ms"),
            ("2Hours", "2h"),
        ] {
            let message = not_a_duration(text);
            assert!(
                message.ends_with(&format!("did you mean `\"{meant}\"`?")),
                "{message}"
            );
        }
        for text in [
            "", "10", "min", "1.5s", "2d", "five min", "1h30m", "5min", "١s",
        ] {
            let message = not_a_duration(text);
            let named = ["`ms`", "`s`", "`m`", "`h`"];
            assert!(named.iter().all(|unit| message.contains(unit)), "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_and_a_unit_or_nothing(
            text in prop_oneof![any::<String>(), "[0-9٣]{0,50}(ms|s|m|h|d|S| s|)", "[0-9smh ]{0,8}"],
        ) {
            let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
            let digits = &text[..text.len() - unit.len()];
            let factor = match unit {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                _ => 0,
            };
            let expected = (factor > 0 && !digits.is_empty()).then(|| {
                let number: u128 = digits.parse().unwrap_or(u128::MAX);
                number.saturating_mul(factor)
            });
            prop_assert_eq!(parse(&text), expected);
        }
    }
}
