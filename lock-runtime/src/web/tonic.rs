#![cfg_attr(not(doctest), doc = include_str!("tonic.md"))]

use std::sync::Arc;

use ::tonic::metadata::MetadataValue;
use ::tonic::{Code, Status};

use super::Problem;
use crate::error::LockError;

/// The code of [`Problem`], with its detail as the message, and in the metadata `problem-type` and, where
/// there is one, `retry-after` (whole seconds). The error itself is the status's source, which does not go
/// over the wire.
#[cfg_attr(docsrs, doc(cfg(feature = "tonic")))]
impl From<LockError> for Status {
    fn from(error: LockError) -> Self {
        let problem = Problem::answer(&error);
        let mut status = Self::new(Code::from_i32(problem.grpc_code()), problem.detail());
        let metadata = status.metadata_mut();
        metadata.insert(
            "problem-type",
            MetadataValue::from_static(problem.type_uri()),
        );
        if let Some(seconds) = problem.retry_after() {
            metadata.insert("retry-after", seconds.into());
        }
        status.set_source(Arc::new(error));
        status
    }
}
