//! Words that every layer uses.

pub mod clock;
pub mod code;
pub mod credentials;
pub mod failure;
pub mod future;
pub mod id;
pub mod lock;
pub mod pointer;
pub mod random;
pub mod redact;
pub mod secret;
pub mod shorten;
pub mod zone;

pub use clock::Clock;
pub use code::{Code, Effect};
pub use failure::Failure;
pub use future::BoxFuture;
pub use id::{
    ApiKeyId, ConnectionId, DeliveryId, EnabledActionId, ErasureId, EventId, ExecutionId, OperatorKeyId, OrgId, is_uuid,
};
pub use lock::lock;
pub use random::Random;
pub use secret::{MASK, Secret};
pub use shorten::shortened;
pub use zone::{zone, zone_names};
