//! A browser's authenticator, in software (Web Authentication, Level 3): P-256, with whatever it is told to say.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

const PRESENT: u8 = 1;
pub(super) const VERIFIED: u8 = 4;
const HAS_CREDENTIAL: u8 = 64;

/// One passkey, and where it believes to be.
pub(super) struct Authenticator {
    pair: EcdsaKeyPair,
    pub(super) id: Vec<u8>,
    pub(super) origin: String,
    pub(super) rp_id: String,
    pub(super) handle: Option<String>,
    pub(super) flags: u8,
    pub(super) count: u32,
}

impl Authenticator {
    pub(super) fn new(sandbox: &Sandbox) -> Authenticator {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let id = digest(&SHA256, pair.public_key().as_ref()).as_ref()[..20].to_vec();
        let origin = sandbox.base_url.replace("127.0.0.1", "localhost");
        Authenticator { pair, id, origin, rp_id: "localhost".into(), handle: None, flags: PRESENT | VERIFIED, count: 0 }
    }

    /// Makes a credential as a page of `origin` asks for it.
    pub(super) fn create(&mut self, options: &Value) -> String {
        assert_eq!(options["rp"]["id"], "localhost", "{options}");
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        self.handle = options["user"]["id"].as_str().map(str::to_owned);
        let point = self.pair.public_key().as_ref();
        let key = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..], &point[1..33], &[0x22, 0x58, 32], &point[33..]]
            .concat();
        let length = u16::try_from(self.id.len()).expect("short").to_be_bytes();
        let made = [&[0; 16][..], &length, &self.id, &key].concat();
        let data = [self.data(HAS_CREDENTIAL), made].concat();
        let text = |text: &str| [&[0x60 | u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
        let data = [&[0x58, u8::try_from(data.len()).expect("short")][..], &data].concat();
        let object =
            [vec![0xa3], text("fmt"), text("none"), text("attStmt"), vec![0xa0], text("authData"), data].concat();
        let client = self.client_data("webauthn.create", options);
        self.answer(json!({"clientDataJSON": client, "attestationObject": URL_SAFE_NO_PAD.encode(object)}))
    }

    /// Signs in as a page of `origin` asks for it.
    pub(super) fn get(&mut self, options: &Value) -> String {
        assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("localhost"), &json!("required")));
        let client = self.client_data("webauthn.get", options);
        let data = self.data(0);
        let hash = digest(&SHA256, &URL_SAFE_NO_PAD.decode(&client).expect("base64url"));
        let message = [&data[..], hash.as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &message).expect("signed");
        self.answer(json!({"clientDataJSON": client, "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "signature": URL_SAFE_NO_PAD.encode(signature), "userHandle": self.handle}))
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let place = digest(&SHA256, self.rp_id.as_bytes());
        [place.as_ref(), &[self.flags | flags], &self.count.to_be_bytes()].concat()
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        let said =
            json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false});
        URL_SAFE_NO_PAD.encode(said.to_string())
    }

    fn answer(&self, response: Value) -> String {
        json!({"id": URL_SAFE_NO_PAD.encode(&self.id), "type": "public-key", "response": response}).to_string()
    }
}
