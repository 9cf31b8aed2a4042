//! A member's keys: Ed25519, whose public part the member's id is made of, and X25519, to which
//! others seal what is for this member alone. Both come from one seed of 32 bytes.
//!
//! ```text
//! id         = SHA-256(Ed25519 public key)[0..16]
//! X25519 key = DeriveKeyPair(HMAC-SHA256(key = seed, "mcast-chat sealing key v1")),  RFC 9180
//! card       = both public keys, and the signature of the first over
//!              "mcast-chat card v1\0" ‖ group (16) ‖ session (16) ‖ X25519 public key
//! sealed     = a fresh key K of 32 bytes, sealed by HPKE (RFC 9180, base mode, DHKEM(X25519,
//!              HKDF-SHA256), HKDF-SHA256, AES-256-GCM; info "mcast-chat sealed v1") to the
//!              receiver and to the sender, and AES-256-GCM under K (nonce 0) over
//!              Ed25519 public key ‖ signature over "mcast-chat words v1\0" ‖ AAD ‖ words ‖ words
//! AAD        = group (16) ‖ session (16) ‖ sender (16) ‖ receiver (16) ‖ room
//! ```
//! The signature is inside, so that the receiver knows who wrote it, and nobody else does.

use super::content::{Card, Sealed, Wrapped};
use crate::wire::{MemberId, Session};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use aws_lc_rs::{digest, hmac};
use core::convert::Infallible;
use core::fmt;
use hpke::rand_core::{Rng as _, TryCryptoRng, TryRng};
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};
use zeroize::Zeroizing;

type Kem = hpke::kem::X25519HkdfSha256;
type Kdf = hpke::kdf::HkdfSha256;
type Aead = hpke::aead::AesGcm256;
type SecretKey = <Kem as hpke::Kem>::PrivateKey;
type PublicKey = <Kem as hpke::Kem>::PublicKey;
type Encapsulated = <Kem as hpke::Kem>::EncappedKey;

const INFO: &[u8] = b"mcast-chat sealed v1";
/// Bytes of a public key and a signature, before what is said.
const SIGNED: usize = 32 + 64;

/// The keys of one member, in one run of it.
pub struct Keys {
    signing: Ed25519KeyPair,
    sealing: SecretKey,
    sealing_public: [u8; 32],
    dice: Dice,
}

/// Where something is said, and by whom to whom: what is sealed cannot be moved from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) group: [u8; 16],
    pub(super) session: Session,
    pub(super) from: MemberId,
    pub(super) to: MemberId,
    pub(super) room: &'a str,
}

/// What of a public key people compare: all of its SHA-256, of which the id is the first half.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

/// Something sealed that is not what it claims to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Forged;

impl Keys {
    /// The keys that come from `seed`, kept for all runs; `entropy` is of this run alone.
    pub fn new(seed: &[u8; 32], entropy: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let material = hmac::sign(&key, b"mcast-chat sealing key v1");
        let (sealing, public) = Kem::derive_keypair(material.as_ref());
        let signing = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed");
        let dice = Dice { key: hmac::Key::new(hmac::HMAC_SHA256, entropy), drawn: 0 };
        Self { signing, sealing, sealing_public: public.to_bytes().into(), dice }
    }

    /// Whose they are.
    pub fn member(&self) -> MemberId {
        self.fingerprint().member()
    }

    /// What others compare.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.signing.public_key().as_ref())
    }

    /// The public keys, signed for one run in one group.
    pub(super) fn card(&self, group: [u8; 16], session: Session) -> Card {
        let signed = card_text(group, session, &self.sealing_public);
        Card {
            signing: bytes(self.signing.public_key().as_ref()),
            sealing: self.sealing_public,
            signature: bytes(self.signing.sign(&signed).as_ref()),
        }
    }

    /// What others seal to.
    pub(super) fn sealing_key(&self) -> [u8; 32] {
        self.sealing_public
    }

    /// Seals `words` to the owner of `to`, and to oneself.
    pub(super) fn seal(
        &mut self,
        to: &[u8; 32],
        place: &Place<'_>,
        words: &[u8],
    ) -> Option<Closed> {
        let aad = place.to_bytes();
        let mut key = Zeroizing::new([0; 32]);
        self.dice.fill_bytes(&mut *key);
        let mut content = self.signing.public_key().as_ref().to_vec();
        content.extend_from_slice(self.signing.sign(&words_text(&aad, words)).as_ref());
        content.extend_from_slice(words);
        cipher(&key)
            .seal_in_place_append_tag(nonce(), Aad::from(&aad), &mut content)
            .expect("a message is not too long to be sealed");
        let own = self.sealing_public;
        Some(Closed { to: self.wrap(to, &aad, &key)?, own: self.wrap(&own, &aad, &key)?, content })
    }

    /// The key, for the owner of `to`; none where that is no key.
    fn wrap(&mut self, to: &[u8; 32], aad: &[u8], key: &[u8; 32]) -> Option<Wrapped> {
        let to = PublicKey::from_bytes(to).ok()?;
        let (encapsulated, key) = hpke::single_shot_seal_with_rng::<Aead, Kdf, Kem>(
            &OpModeS::Base,
            &to,
            INFO,
            key,
            aad,
            &mut self.dice,
        )
        .ok()?;
        Some(Wrapped { encapsulated: encapsulated.to_bytes().into(), key: bytes(&key) })
    }

    /// What was sealed to this member, or by it.
    ///
    /// # Errors
    /// Where it is neither, or was not written by its sender for this place.
    pub(super) fn open(&self, sealed: &Sealed<'_>, place: &Place<'_>) -> Result<Vec<u8>, Forged> {
        let aad = place.to_bytes();
        let wrapped = if place.to == self.member() { &sealed.to } else { &sealed.own };
        let key = Zeroizing::new(self.unwrap(wrapped, &aad).ok_or(Forged)?);
        let key: &[u8; 32] = key.as_slice().try_into().map_err(|_| Forged)?;
        let mut content = sealed.content.to_vec();
        let opened = cipher(key).open_in_place(nonce(), Aad::from(&aad), &mut content);
        let opened = opened.map_err(|_| Forged)?;
        let (signed, words) = opened.split_at_checked(SIGNED).ok_or(Forged)?;
        let (public, signature) = signed.split_at(32);
        if Fingerprint::of(public).member() != place.from {
            return Err(Forged);
        }
        let text = words_text(&aad, words);
        UnparsedPublicKey::new(&ED25519, public).verify(&text, signature).map_err(|_| Forged)?;
        Ok(words.to_vec())
    }

    fn unwrap(&self, wrapped: &Wrapped, aad: &[u8]) -> Option<Vec<u8>> {
        let encapsulated = Encapsulated::from_bytes(&wrapped.encapsulated).ok()?;
        let mode = OpModeR::Base;
        let (sealing, key) = (&self.sealing, &wrapped.key);
        hpke::single_shot_open::<Aead, Kdf, Kem>(&mode, sealing, &encapsulated, INFO, key, aad).ok()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("member", &self.member()).finish_non_exhaustive()
    }
}

/// Something sealed, as it was made.
#[derive(Debug)]
pub(super) struct Closed {
    to: Wrapped,
    own: Wrapped,
    content: Vec<u8>,
}

impl Closed {
    /// The same, to be sent.
    pub(super) fn sealed(&self) -> Sealed<'_> {
        Sealed { to: self.to, own: self.own, content: &self.content }
    }
}

impl Card {
    /// What people compare, if the keys are those of `member`, signed by it for this run.
    pub(super) fn check(
        &self,
        member: MemberId,
        group: [u8; 16],
        session: Session,
    ) -> Option<Fingerprint> {
        let fingerprint = Fingerprint::of(&self.signing);
        let text = card_text(group, session, &self.sealing);
        let key = UnparsedPublicKey::new(&ED25519, &self.signing);
        let is_sound = fingerprint.member() == member && key.verify(&text, &self.signature).is_ok();
        is_sound.then_some(fingerprint)
    }
}

impl Fingerprint {
    fn of(public: &[u8]) -> Self {
        Self(bytes(digest::digest(&digest::SHA256, public).as_ref()))
    }

    /// The member whose key it is of.
    pub fn member(&self) -> MemberId {
        MemberId(bytes(&self.0[..16]))
    }

    /// Reads 64 hexadecimal digits, with or without spaces.
    pub fn read(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
        let mut fingerprint = [0; 32];
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in fingerprint.iter_mut().zip(digits.chunks(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
        }
        Some(Self(fingerprint))
    }
}

/// In groups of four digits, for reading aloud.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, pair) in self.0.chunks(2).enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{:02x}{:02x}", pair[0], pair[1])?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}…", self.member())
    }
}

impl Place<'_> {
    fn to_bytes(self) -> Vec<u8> {
        let parts = [&self.group[..], &self.session.0, &self.from.0, &self.to.0];
        [parts.concat(), self.room.as_bytes().to_vec()].concat()
    }
}

fn card_text(group: [u8; 16], session: Session, sealing: &[u8; 32]) -> Vec<u8> {
    [&b"mcast-chat card v1\0"[..], &group, &session.0, sealing].concat()
}

fn words_text(aad: &[u8], words: &[u8]) -> Vec<u8> {
    [&b"mcast-chat words v1\0"[..], aad, words].concat()
}

/// One key seals one text: the nonce need not differ.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&aead::AES_256_GCM, key).expect("a key of 32 bytes"))
}

/// Exactly so many bytes.
fn bytes<const N: usize>(slice: &[u8]) -> [u8; N] {
    slice.try_into().expect("a length that is fixed by its algorithm")
}

/// Random bytes of this run: HMAC-SHA256 of a counter, keyed by what the system gave at the start.
#[derive(Debug)]
struct Dice {
    key: hmac::Key,
    drawn: u64,
}

impl Dice {
    fn block(&mut self) -> hmac::Tag {
        self.drawn += 1;
        hmac::sign(&self.key, &self.drawn.to_be_bytes())
    }
}

impl TryRng for Dice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(bytes(&self.block().as_ref()[..4])))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(bytes(&self.block().as_ref()[..8])))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        for chunk in into.chunks_mut(32) {
            chunk.copy_from_slice(&self.block().as_ref()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Dice {}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(number: u8) -> Keys {
        Keys::new(&[number; 32], &[number ^ 0xff; 32])
    }

    fn place<'a>(from: &Keys, to: &Keys, room: &'a str) -> Place<'a> {
        let (from, to) = (from.member(), to.member());
        Place { group: [9; 16], session: Session([8; 16]), from, to, room }
    }

    #[test]
    fn an_id_is_made_of_the_key_and_the_same_seed_gives_the_same_member() {
        assert_eq!(keys(1).member(), keys(1).member());
        assert_ne!(keys(1).member(), keys(2).member());
        // RFC 8032 §7.1, test 1: the public key of this seed.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let seed = Fingerprint::read(seed).expect("64 digits").0;
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let public = Fingerprint::read(public).expect("64 digits").0;
        let keys = Keys::new(&seed, &[0; 32]);
        assert_eq!(keys.signing.public_key().as_ref(), public);
        assert_eq!(keys.fingerprint(), Fingerprint::of(&public));
    }

    #[test]
    fn the_receiver_and_the_sender_read_it_and_nobody_else_does() {
        let (mut ana, bo, cy) = (keys(1), keys(2), keys(3));
        let place = place(&ana, &bo, "general");
        let made = ana.seal(&bo.sealing_public, &place, b"psst").expect("a key");
        let sealed = made.sealed();
        assert_eq!(bo.open(&sealed, &place), Ok(b"psst".to_vec()));
        assert_eq!(ana.open(&sealed, &place), Ok(b"psst".to_vec()));
        assert_eq!(cy.open(&sealed, &place), Err(Forged));
        assert_eq!(cy.open(&sealed, &Place { to: cy.member(), ..place }), Err(Forged));
        let again = ana.seal(&bo.sealing_public, &place, b"psst").expect("a key");
        assert_ne!(again.content, made.content, "each has a key of its own");
    }

    #[test]
    fn what_was_sealed_cannot_be_moved_changed_or_signed_by_another() {
        let (mut ana, bo, mut cy) = (keys(1), keys(2), keys(3));
        let place = place(&ana, &bo, "general");
        let made = ana.seal(&bo.sealing_public, &place, b"psst").expect("a key");
        for moved in [
            Place { room: "build", ..place },
            Place { session: Session([7; 16]), ..place },
            Place { group: [8; 16], ..place },
            Place { from: cy.member(), ..place },
        ] {
            assert_eq!(bo.open(&made.sealed(), &moved), Err(Forged));
        }
        for at in 0..made.content.len() {
            let mut content = made.content.clone();
            content[at] ^= 1;
            let sealed = Sealed { content: &content, ..made.sealed() };
            assert_eq!(bo.open(&sealed, &place), Err(Forged), "byte {at}");
        }
        let forged = cy.seal(&bo.sealing_public, &place, b"I am ana").expect("a key");
        assert_eq!(bo.open(&forged.sealed(), &place), Err(Forged));
    }

    #[test]
    fn a_card_is_of_its_member_its_group_and_its_run() {
        let ana = keys(1);
        let (group, session) = ([9; 16], Session([8; 16]));
        let card = ana.card(group, session);
        let (id, fingerprint) = (ana.member(), Some(ana.fingerprint()));
        assert_eq!(card.check(id, group, session), fingerprint);
        assert_eq!(card.check(keys(2).member(), group, session), None);
        assert_eq!(card.check(id, [8; 16], session), None);
        assert_eq!(card.check(id, group, Session([7; 16])), None);
        let other = Card { sealing: keys(2).sealing_public, ..card };
        assert_eq!(other.check(id, group, session), None);
    }

    #[test]
    fn a_fingerprint_is_read_back() {
        let fingerprint = keys(1).fingerprint();
        assert_eq!(Fingerprint::read(&fingerprint.to_string()), Some(fingerprint));
        assert_eq!(Fingerprint::read("12 34"), None);
        assert_eq!(Fingerprint::read(&"g".repeat(64)), None);
    }
}
