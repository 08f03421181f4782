//! What goes over gRPC.

/// A request.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Asked {
    /// Whose order, or which failure.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Which of them.
    #[prost(string, tag = "2")]
    pub item: String,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Told {
    /// The key of the lock that was held.
    #[prost(string, tag = "1")]
    pub key: String,
}
