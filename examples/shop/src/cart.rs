//! What is ordered.

use serde::Deserialize;

const LONGEST: usize = 64;

/// The form of an order. Its cart has a name, by which it is known when it is sent again.
#[derive(Debug, Clone, Deserialize)]
pub struct Order {
    cart: Name,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if (1..=LONGEST).contains(&name.len()) {
            Ok(Self(name))
        } else {
            Err("a cart's name has 1 to 64 bytes")
        }
    }
}

impl Order {
    /// The name of the cart.
    #[must_use]
    pub fn cart(&self) -> &str {
        &self.cart.0
    }
}
