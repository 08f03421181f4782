//! What goes over the wire.

/// An order.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Order {
    /// Made up by the client, a new one for each order: sent again, the order is not placed again.
    #[prost(string, tag = "1")]
    pub request: String,
    /// Who orders.
    #[prost(string, tag = "2")]
    pub user: String,
    /// What.
    #[prost(string, tag = "3")]
    pub item: String,
    /// How many.
    #[prost(uint32, tag = "4")]
    pub pieces: u32,
}

/// An order that stands in the database.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Placed {
    /// Its number.
    #[prost(int64, tag = "1")]
    pub number: i64,
    /// What is left of the item.
    #[prost(uint32, tag = "2")]
    pub left: u32,
}

/// What there is to order.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Item {
    /// Its name.
    #[prost(string, tag = "1")]
    pub item: String,
}

/// What the database says of an item.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Stock {
    /// Pieces that are left.
    #[prost(uint32, tag = "1")]
    pub left: u32,
    /// Pieces in all orders.
    #[prost(uint32, tag = "2")]
    pub ordered: u32,
    /// How many orders these are.
    #[prost(uint32, tag = "3")]
    pub orders: u32,
}
