//! Dense ids: what was a name in the scenario is an index here.

use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// The index into the table of its kind.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )* };
}

ids! {
    /// A domain name, interned.
    NameId
    /// A region.
    RegionId
    /// A zone.
    ZoneId
    /// An authoritative server.
    ServerId
    /// Immutable rdata of an RRset, interned: equal data, equal id. [`DataId::ABSENT`] is "no such RRset".
    DataId
    /// A resolver: one or more caches behind one name.
    ResolverId
    /// One cache.
    CacheId
    /// Something that asks without mail.
    ClientId
    /// A probe.
    ProbeId
    /// An MX host.
    HostId
    /// A node: something with a queue, a sender or a relay.
    NodeId
    /// Something that can be down: a host, a name server or a risk, in this order (see `FaultsModel`).
    TargetId
}

impl DataId {
    /// No RRset of that name and type.
    pub const ABSENT: Self = Self(0);
}
