//! Chance that can be repeated: `ADMIN_TEST_SEED` sets the seed, and a failed test prints it.

use admin_types::{Random, SystemRandom};

/// SplitMix64.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// Dice with a seed of their own, which they print.
    pub(super) fn new() -> Dice {
        let set = std::env::var("ADMIN_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed =
            set.unwrap_or_else(|| u64::from(u32::from_be_bytes(SystemRandom.bytes16()[..4].try_into().unwrap())));
        println!("ADMIN_TEST_SEED={seed}");
        Dice(seed)
    }

    /// Dice of a seed that was printed elsewhere.
    pub(super) fn seeded(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
