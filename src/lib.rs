//! Reliable, ordered group delivery over UDP multicast.
