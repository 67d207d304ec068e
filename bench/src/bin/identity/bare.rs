//! The work that cannot be saved: one signature, one password hash, by the libraries that Admin uses.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Result, anyhow};
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};
use bench::process;

/// About as much as is signed of an access token, in bytes.
const MESSAGE: [u8; 480] = [b'e'; 480];

/// µs of CPU for each call of `each`, over this time of CPU.
pub(crate) fn measure(time: Duration, mut each: impl FnMut()) -> Result<f64> {
    let own = std::process::id();
    let (started, mut calls) = (process::cpu(own)?, 0_u32);
    loop {
        // Looking at the clock costs some µs, so not after every call.
        for _ in 0..16 {
            each();
        }
        calls += 16;
        let used = process::cpu(own)? - started;
        if used >= time {
            return Ok(used.as_secs_f64() * 1e6 / f64::from(calls));
        }
    }
}

/// What signs by an algorithm.
pub(crate) fn signer(algorithm: &str) -> Result<Box<dyn FnMut()>> {
    let (failed, random) = (|_| anyhow!("no key"), SystemRandom::new());
    Ok(match algorithm {
        "RS256" => {
            let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).map_err(failed)?;
            let mut signature = vec![0; pair.public_modulus_len()];
            Box::new(move || {
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, black_box(&MESSAGE), &mut signature);
                signed.expect("an RSA key signs");
            })
        }
        "ES256" => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
            Box::new(move || {
                black_box(pair.sign(&random, black_box(&MESSAGE)).expect("a P-256 key signs"));
            })
        }
        _ => {
            let pair = Ed25519KeyPair::generate().map_err(failed)?;
            Box::new(move || {
                black_box(pair.sign(black_box(&MESSAGE)));
            })
        }
    })
}

/// What hashes a password as OWASP demands.
pub(crate) fn hasher() -> impl FnMut() {
    let argon = Argon2::default();
    move || {
        let hashed = argon.hash_password_with_salt(black_box(b"a long good password"), &[7; 16]);
        black_box(hashed.expect("argon2 hashes"));
    }
}
