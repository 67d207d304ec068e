//! What the audit log's tree costs: leaves sealed, receipts made and verified, beside the bare hashes and signatures.
//!
//! ```text
//! tlog [LEAVES]
//! ```
//! Prints CPU µs on one core, the median of five rounds. *bare* is what cannot be saved, by the same library in the same round:
//! for leaves, SHA-256 of the same bytes, once for each leaf and each node; for receipts, one Ed25519 signature verified.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::collections::HashMap;
use std::hint::black_box;

use admin_tlog::{
    Builder, Bundles, Checkpoint, Entry, Hash, InclusionProof, Policy, Receipt, Signer, Tile, TileId, TreeHead,
    prove_inclusion,
};
use admin_types::canonical;
use anyhow::{Context, Result};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use bench::process;

const ORIGIN: &str = "admin.example.com/log/org_01jh8x5n9bfqv8xk3c6m7t2d4e";

/// An event as it is kept: an update, so a resource of 350 bytes before and after.
fn event(n: usize) -> String {
    let at = "2026-11-23T06:00:00.123456Z";
    let state = |version: usize| {
        format!(
            r#"{{"id":"res_01jh8x5n9bfqv8xk3c6m7t2d4e","type":"workspace","name":"Production Environment {n}","status":"active","attributes":{{"region":"eu","seats":{n},"contact":"ada@example.org","price":12.5}},"labels":{{"team":"core"}},"parent":null,"version":{version},"created_at":"{at}","updated_at":"{at}"}}"#
        )
    };
    format!(
        r#"{{"id":"evt_01jh8x5n9bfqv8xk3c6m7t2d4e","seq":{n},"type":"workspace.updated","at":"{at}","actor":{{"type":"user","id":"usr_01jh8x5n9bfqv8xk3c6m7t2d4e"}},"resource":{{"type":"workspace","id":"res_01jh8x5n9bfqv8xk3c6m7t2d4e","version":2}},"before":{},"after":{},"request_id":"req_01jh8x5n9bfqv8xk3c6m7t2d4e"}}"#,
        state(1),
        state(2)
    )
}

/// Median CPU µs of this process for each of `count` things that every subject does, the subjects taking turns for five rounds.
fn compare<const N: usize>(count: usize, mut subjects: [&mut dyn FnMut(); N]) -> Result<[f64; N]> {
    let own = std::process::id();
    let mut figures = [const { vec![] }; N];
    for _ in 0..5 {
        for (subject, figures) in subjects.iter_mut().zip(&mut figures) {
            let before = process::cpu(own)?;
            subject();
            figures.push((process::cpu(own)? - before).as_secs_f64() * 1e6 / count as f64);
        }
    }
    Ok(figures.map(|mut figures| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    }))
}

fn line(what: &str, cost: f64, bare: f64, remark: &str) {
    println!("| {what} | {cost:.2} | {bare:.2} | {:.2} | {remark} |", cost / bare);
}

/// Events into tiles and bundles, as the one who seals does.
fn seal(events: &[String]) -> (Builder, Vec<Tile>) {
    let (mut builder, mut bundles, mut written) = (Builder::new(), Bundles::default(), vec![]);
    for batch in events.chunks(1_000) {
        for event in batch {
            let entry = Entry::of_record(event.as_bytes()).expect("an event");
            builder.append(entry.hash()).expect("room");
            bundles.append(&entry);
        }
        written.extend(builder.take_tiles());
        black_box(bundles.take());
        black_box(builder.head());
    }
    (builder, written)
}

fn leaves(count: usize) -> Result<()> {
    let events: Vec<String> = (0..count).map(event).collect();
    let entries: Vec<Entry> =
        events.iter().map(|event| Entry::of_record(event.as_bytes())).collect::<Result<_, _>>()?;
    let bytes = entries.iter().map(|entry| entry.bytes().len()).sum::<usize>() / count;
    let node = [1; 65];
    let [sealed, built, written, parsed, bare, nodes] = compare(
        count,
        [
            &mut || drop(black_box(seal(&events))),
            &mut || {
                let mut builder = Builder::new();
                for entry in &entries {
                    builder.append(entry.hash()).expect("room");
                }
                black_box((builder.take_tiles(), builder.head()));
            },
            &mut || events.iter().for_each(|event| drop(black_box(canonical::of_text(event.as_bytes())))),
            &mut || {
                for event in &events {
                    let value: serde_json::Value = serde_json::from_str(event).expect("JSON");
                    black_box(value.to_string());
                }
            },
            &mut || {
                for entry in &entries {
                    black_box((digest(&SHA256, entry.bytes()), digest(&SHA256, &node)));
                }
            },
            &mut || {
                for _ in &entries {
                    black_box(digest(&SHA256, &node));
                }
            },
        ],
    )?;
    println!("{count} events of {bytes} bytes: {:.0} leaves sealed a second on one core.\n", 1e6 / sealed);
    println!("| what | CPU µs | bare | ratio | bare is |\n| --- | ---: | ---: | ---: | --- |");
    line("event → canonical → leaf → tiles and bundles", sealed, bare, "SHA-256 of the leaf and of a node");
    line("leaf hash → tiles", built, nodes, "SHA-256 of a node");
    line("event → canonical text", written, parsed, "`serde_json::Value` read and written");
    Ok(())
}

/// A receipt of the last of 2^32 leaves, whose tree need not be built: all hashes of its proof stand at the left.
fn greatest(signer: &Signer) -> Result<(Receipt, Hash)> {
    let leaf = Hash::leaf(b"the last");
    let hashes: Vec<Hash> = (0..32_u8).map(|n| Hash::leaf(&[n])).collect();
    let root = hashes.iter().fold(leaf, |right, left| Hash::node(left, &right));
    let head = TreeHead { size: 1 << 32, root };
    let proof = InclusionProof { index: (1 << 32) - 1, hashes };
    Ok((Receipt { extra: vec![], proof, checkpoint: Checkpoint::new(ORIGIN, head).sign(&[signer])? }, leaf))
}

fn receipts(count: usize) -> Result<()> {
    let signer = Signer::of_seed(ORIGIN, &[1; 32])?;
    let policy = Policy::new(vec![signer.verifier().clone()])?;
    let (receipt, leaf) = greatest(&signer)?;
    let text = receipt.to_string();
    let (note, line_of) = (receipt.checkpoint.text().to_owned(), receipt.checkpoint.signatures()[0].to_string());
    let signature = line_of.rsplit(' ').next().context("a signature")?;
    let signature = base64::engine::general_purpose::STANDARD.decode(signature)?.split_off(4);
    let key = *signer.verifier().public_key();

    let (builder, written) = seal(&(0..count).map(event).collect::<Vec<_>>());
    let (head, tiles) = (builder.head(), written);
    let tiles: HashMap<TileId, Vec<u8>> = tiles.into_iter().map(|tile| (tile.id, tile.bytes)).collect();
    let rounds = 5_000;
    let [verified, bare, proven] = compare(
        rounds,
        [
            &mut || {
                for _ in 0..rounds {
                    let receipt = Receipt::parse(text.as_bytes()).expect("a receipt");
                    black_box(receipt.verify(&leaf, &policy).expect("it verifies"));
                }
            },
            &mut || {
                for _ in 0..rounds {
                    UnparsedPublicKey::new(&ED25519, key).verify(note.as_bytes(), &signature).expect("it verifies");
                }
            },
            &mut || {
                for n in 0..rounds {
                    let index = (n * 7_919 % count) as u64;
                    black_box(prove_inclusion(index, &head, &tiles).expect("a proof"));
                }
            },
        ],
    )?;
    line("receipt of 2^32 leaves, read and verified", verified, bare, "one Ed25519 signature verified");
    println!("\nA receipt of 2^32 leaves has {} bytes. A proof out of tiles, verified: {proven:.1} µs.", text.len());
    Ok(())
}

fn main() -> Result<()> {
    let count = std::env::args().nth(1).map_or(Ok(200_000), |text| text.parse()).context("LEAVES is a number")?;
    leaves(count)?;
    receipts(count)
}
