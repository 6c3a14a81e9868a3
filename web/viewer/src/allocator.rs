use rlsf::{GlobalTlsf, GlobalTlsfOptions};

#[global_allocator]
static ALLOCATOR: GlobalTlsf<Small> = GlobalTlsf::new();

/// As little code as goes without wasting memory.
struct Small;

impl GlobalTlsfOptions for Small {
    /// A buffer that grows is copied: those of the stream are made in their size.
    const ENABLE_REALLOCATION: bool = false;
    /// Without it, what is longer than a page of 64 KiB never becomes part of anything else.
    const COALESCE_POOLS: bool = true;
}
