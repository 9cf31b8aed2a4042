//! The seal around every datagram: AES-256-GCM, one key a session, the packet counter as nonce.
//!
//! ```text
//! PSK    = Argon2id(passphrase, salt, t = 3, m = 64 MiB, p = 4), 32 bytes
//!          with salt = SHA-256("mcast-chat salt v1\0" ‖ name)[0..16]
//!        | SHA-256("mcast-chat open group v1")         in a group without a passphrase
//! E      = HKDF-Extract-SHA256(salt = group id, ikm = PSK)     the secret of key epoch 0
//! K      = HKDF-Expand-SHA256(E, label ‖ epoch (4, big-endian) ‖ session (16), 32 bytes)
//!          with label = "mcast-chat tx v1\0"
//! nonce  = 00000000 ‖ packet counter (8, big-endian)
//! AAD    = the header's 36 bytes
//! ```
//! A session is 16 fresh random bytes, so a restart has another key and may count from 1 again (RFC
//! 5116 §3.2 on unique nonces). An open group's key is public, as QUIC's Initial keys are (RFC 9001
//! §5.2): it catches corruption, and hides nothing.

use super::header::Header;
use super::ids::{GroupId, Session};
use aws_lc_rs::{aead, digest, hkdf};
use zeroize::Zeroize;

/// Bytes of the tag that closes a datagram.
pub const TAG_LEN: usize = 16;

/// A datagram that was not sealed by the session it names, under the key we have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unauthentic;

/// The group's secret, from which each session's key comes.
#[derive(Clone)]
pub struct GroupKey {
    group: GroupId,
    secret: hkdf::Prk,
    private: bool,
}

impl core::fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("GroupKey").field("group", &self.group).finish_non_exhaustive()
    }
}

impl GroupKey {
    /// The key of the open group called `name`: anyone can derive it.
    pub fn open(name: &str) -> Self {
        let public = digest::digest(&digest::SHA256, b"mcast-chat open group v1");
        Self::new(name, public.as_ref(), false)
    }

    /// The key of the group called `name` that is locked by `passphrase`: Argon2id with RFC 9106's
    /// second recommended parameters. Takes about 0.1 s and, for that time, 64 MiB.
    ///
    /// # Errors
    /// Where the memory cannot be had, or the passphrase is longer than Argon2 takes (2³² − 1
    /// bytes).
    #[cfg(feature = "passphrase")]
    pub fn from_passphrase(name: &str, passphrase: &[u8]) -> Result<Self, argon2::Error> {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"mcast-chat salt v1\0");
        context.update(name.as_bytes());
        let salt = context.finish();
        let params = argon2::Params::new(64 * 1024, 3, 4, Some(32))?;
        let mut psk = zeroize::Zeroizing::new([0; 32]);
        argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
            .hash_password_into(passphrase, &salt.as_ref()[..16], psk.as_mut())?;
        Ok(Self::new(name, psk.as_ref(), true))
    }

    fn new(name: &str, psk: &[u8], private: bool) -> Self {
        let group = GroupId::of(name);
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, &group.0).extract(psk);
        Self { group, secret, private }
    }

    /// Which group the key belongs to.
    pub const fn group(&self) -> GroupId {
        self.group
    }

    /// Whether a passphrase locks the group; an open group is readable by anyone who hears it.
    pub const fn is_private(&self) -> bool {
        self.private
    }

    /// 16 bytes that tell this group from others on the same address with another passphrase, or
    /// without one: HKDF-Expand of `"mcast-chat history v1"`. What one finds of them helps to guess
    /// the passphrase as much as a datagram does.
    pub fn fingerprint(&self) -> [u8; 16] {
        let mut wide = [0; 32];
        self.secret
            .expand(&[b"mcast-chat history v1\0"], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut wide))
            .expect("HKDF-SHA256 gives 32 bytes");
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&wide[..16]);
        wide.zeroize();
        fingerprint
    }

    /// The key under which `session` seals in key epoch `epoch`.
    pub fn session_key(&self, epoch: u32, session: &Session) -> SessionKey {
        let info: [&[u8]; 3] = [b"mcast-chat tx v1\0", &epoch.to_be_bytes(), &session.0];
        let mut key = [0; 32];
        self.secret
            .expand(&info, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("HKDF-SHA256 gives 32 bytes");
        let unbound = aead::UnboundKey::new(&aead::AES_256_GCM, &key).expect("a key of 32 bytes");
        key.zeroize();
        SessionKey(aead::LessSafeKey::new(unbound))
    }
}

/// The key under which one session seals.
pub struct SessionKey(aead::LessSafeKey);

impl core::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SessionKey")
    }
}

impl SessionKey {
    /// Seals the datagram in place: `datagram` is the header of `counter` followed by the clear
    /// body; the body is encrypted and the tag appended.
    ///
    /// # Panics
    /// If the datagram is shorter than a header.
    pub fn seal(&self, counter: u64, datagram: &mut Vec<u8>) {
        let (header, body) = datagram.split_at_mut(Header::LEN);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce(counter), aead::Aad::from(&*header), body)
            .expect("a datagram is far below the AEAD's limit");
        datagram.extend_from_slice(tag.as_ref());
    }

    /// Opens the datagram in place and gives its clear body.
    ///
    /// # Errors
    /// [`Unauthentic`] if any bit of header, body or tag is not what this session sealed. The bytes
    /// are then undefined.
    pub fn open<'d>(&self, counter: u64, datagram: &'d mut [u8]) -> Result<&'d [u8], Unauthentic> {
        if datagram.len() < super::OVERHEAD {
            return Err(Unauthentic);
        }
        let (header, sealed) = datagram.split_at_mut(Header::LEN);
        self.0
            .open_in_place(nonce(counter), aead::Aad::from(&*header), sealed)
            .map(|body| &*body)
            .map_err(|_| Unauthentic)
    }

    /// Opens the datagram into `opened`, which becomes as long: the header, the clear body, and the
    /// tag's place with anything in it. One pass; a copy and [`SessionKey::open`] would be two.
    ///
    /// # Errors
    /// As [`SessionKey::open`]; `opened` is then undefined.
    pub fn open_into(
        &self,
        counter: u64,
        datagram: &[u8],
        opened: &mut Vec<u8>,
    ) -> Result<(), Unauthentic> {
        let body_len = datagram.len().checked_sub(super::OVERHEAD).ok_or(Unauthentic)?;
        opened.reserve_exact(datagram.len().saturating_sub(opened.len()));
        opened.resize(datagram.len(), 0);
        let (header, sealed) = datagram.split_at(Header::LEN);
        let (body, tag) = sealed.split_at(body_len);
        opened[..Header::LEN].copy_from_slice(header);
        let clear = &mut opened[Header::LEN..][..body_len];
        self.0
            .open_separate_gather(nonce(counter), aead::Aad::from(header), body, tag, clear)
            .map_err(|_| Unauthentic)
    }

    /// The datagram that was [opened](SessionKey::open_into), as its sender sealed it: the same
    /// key, nonce and text give the same bytes, so no nonce is used for two texts.
    ///
    /// # Panics
    /// If `opened` is shorter than a header and a tag.
    pub fn seal_again(&self, counter: u64, opened: &[u8], datagram: &mut Vec<u8>) {
        datagram.clear();
        datagram.extend_from_slice(&opened[..opened.len() - TAG_LEN]);
        self.seal(counter, datagram);
    }
}

/// The clear body of a datagram that was [opened](SessionKey::open_into).
pub fn body(opened: &[u8]) -> &[u8] {
    &opened[Header::LEN..opened.len() - TAG_LEN]
}

fn nonce(counter: u64) -> aead::Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    aead::Nonce::assume_unique_for_key(nonce)
}
