-- What members of mcast-chat send each other, in Wireshark and tshark: docs/DISSECTOR.md.
-- Written from docs/PROTOCOL.md; shares nothing with the program. Wireshark 4.
--
--   tshark -X lua_script:scripts/mcast-chat.lua -i eth0 -f 'udp port 23911'

local bit = bit or require("bit")
local band, bor, bxor, bnot = bit.band, bit.bor, bit.bxor, bit.bnot
local lshift, rshift, ror = bit.lshift, bit.rshift, bit.ror
local byte, char = string.byte, string.char
local unpack = table.unpack or unpack

local proto = Proto("mcastchat", "mcast-chat")
local PORT = 23911
local HEADER, TAG = 36, 16
local MAX_VIEW = 128

-- ---- SHA-256, HMAC, HKDF (FIPS 180-4, RFC 2104, RFC 5869) ------------------

local function word(text, at)
    local a, b, c, d = byte(text, at, at + 3)
    return bor(lshift(a, 24), lshift(b, 16), lshift(c, 8), d)
end

local function bytes_of(number)
    return char(rshift(number, 24), band(rshift(number, 16), 255), band(rshift(number, 8), 255),
        band(number, 255))
end

-- The constants are the first 32 bits behind the point of roots of the first primes.
local ROOTS, START = {}, {}
do
    local function fraction(x)
        return bit.tobit(math.floor((x - math.floor(x)) * 4294967296))
    end
    local candidate = 2
    while #ROOTS < 64 do
        local prime = true
        for divisor = 2, math.floor(math.sqrt(candidate)) do
            prime = prime and candidate % divisor ~= 0
        end
        if prime then
            ROOTS[#ROOTS + 1] = fraction(candidate ^ (1 / 3))
            if #START < 8 then START[#START + 1] = fraction(math.sqrt(candidate)) end
        end
        candidate = candidate + 1
    end
end

local function sha256_block(state, text, at)
    local w = {}
    for i = 1, 16 do w[i] = word(text, at + 4 * i - 4) end
    for i = 17, 64 do
        local x, y = w[i - 15], w[i - 2]
        local s0 = bxor(ror(x, 7), ror(x, 18), rshift(x, 3))
        local s1 = bxor(ror(y, 17), ror(y, 19), rshift(y, 10))
        w[i] = bit.tobit(w[i - 16] + s0 + w[i - 7] + s1)
    end
    local a, b, c, d, e, f, g, h = unpack(state)
    for i = 1, 64 do
        local s1 = bxor(ror(e, 6), ror(e, 11), ror(e, 25))
        local choice = bxor(band(e, f), band(bnot(e), g))
        local t1 = h + s1 + choice + ROOTS[i] + w[i]
        local s0 = bxor(ror(a, 2), ror(a, 13), ror(a, 22))
        local majority = bxor(band(a, b), band(a, c), band(b, c))
        h, g, f, e, d, c, b = g, f, e, bit.tobit(d + t1), c, b, a
        a = bit.tobit(t1 + s0 + majority)
    end
    for i, value in ipairs({ a, b, c, d, e, f, g, h }) do
        state[i] = bit.tobit(state[i] + value)
    end
end

local function sha256(text)
    local state = {}
    for i = 1, 8 do state[i] = START[i] end
    local zeros = (55 - #text) % 64
    local padded = text .. "\128" .. ("\0"):rep(zeros + 4) .. bytes_of(#text * 8)
    for at = 1, #padded, 64 do sha256_block(state, padded, at) end
    local digest = {}
    for i = 1, 8 do digest[i] = bytes_of(state[i]) end
    return table.concat(digest)
end

local function hmac(key, text)
    key = key .. ("\0"):rep(64 - #key)
    local function masked(mask)
        return (key:gsub(".", function(c) return char(bxor(byte(c), mask)) end))
    end
    return sha256(masked(0x5c) .. sha256(masked(0x36) .. text))
end

-- ---- AES-256-GCM (FIPS 197, NIST SP 800-38D) -------------------------------

local SBOX, T0, T1, T2, T3 = {}, {}, {}, {}, {}
do
    local exp, log, x = {}, {}, 1
    for i = 0, 254 do
        exp[i], log[x] = x, i
        local double = lshift(x, 1)
        if double > 255 then double = bxor(double, 0x11b) end
        x = bxor(x, double) -- times 3
    end
    for i = 0, 255 do
        local inverse = i == 0 and 0 or exp[(255 - log[i]) % 255]
        local s = 0x63
        for turn = 0, 4 do
            s = bxor(s, band(bor(lshift(inverse, turn), rshift(inverse, 8 - turn)), 255))
        end
        local double = lshift(s, 1)
        if double > 255 then double = bxor(double, 0x11b) end
        SBOX[i] = s
        T0[i] = bor(lshift(double, 24), lshift(s, 16), lshift(s, 8), bxor(double, s))
        T1[i], T2[i], T3[i] = ror(T0[i], 8), ror(T0[i], 16), ror(T0[i], 24)
    end
end

local function substituted(w)
    return bor(lshift(SBOX[rshift(w, 24)], 24), lshift(SBOX[band(rshift(w, 16), 255)], 16),
        lshift(SBOX[band(rshift(w, 8), 255)], 8), SBOX[band(w, 255)])
end

local function round_keys(key)
    local w, constant = {}, 1
    for i = 0, 7 do w[i] = word(key, 4 * i + 1) end
    for i = 8, 59 do
        local last = w[i - 1]
        if i % 8 == 0 then
            last = bxor(substituted(bit.rol(last, 8)), lshift(constant, 24))
            constant = lshift(constant, 1)
        elseif i % 8 == 4 then
            last = substituted(last)
        end
        w[i] = bxor(w[i - 8], last)
    end
    return w
end

local function aes(w, a, b, c, d)
    a, b, c, d = bxor(a, w[0]), bxor(b, w[1]), bxor(c, w[2]), bxor(d, w[3])
    local function mixed(p, q, r, s, k)
        return bxor(T0[rshift(p, 24)], T1[band(rshift(q, 16), 255)],
            T2[band(rshift(r, 8), 255)], T3[band(s, 255)], k)
    end
    for at = 4, 52, 4 do
        a, b, c, d = mixed(a, b, c, d, w[at]), mixed(b, c, d, a, w[at + 1]),
            mixed(c, d, a, b, w[at + 2]), mixed(d, a, b, c, w[at + 3])
    end
    local function last(p, q, r, s, k)
        return bxor(lshift(SBOX[rshift(p, 24)], 24), lshift(SBOX[band(rshift(q, 16), 255)], 16),
            lshift(SBOX[band(rshift(r, 8), 255)], 8), SBOX[band(s, 255)], k)
    end
    return last(a, b, c, d, w[56]), last(b, c, d, a, w[57]), last(c, d, a, b, w[58]),
        last(d, a, b, c, w[59])
end

-- A product of H by x: a shift to the right, as GCM writes its polynomials from the left.
local function times_x(a, b, c, d)
    local carry = band(d, 1) == 1 and 0xe1000000 or 0
    return bxor(rshift(a, 1), carry), bor(rshift(b, 1), lshift(a, 31)),
        bor(rshift(c, 1), lshift(b, 31)), bor(rshift(d, 1), lshift(c, 31))
end

local REDUCED = {}
for value = 0, 255 do
    local a, b, c, d = 0, 0, 0, value
    for _ = 1, 8 do a, b, c, d = times_x(a, b, c, d) end
    REDUCED[value] = a
end

-- What each byte times H is: four words for each.
local function products(h)
    local table_of = { [0] = { 0, 0, 0, 0 } }
    local a, b, c, d = unpack(h)
    local power = 128
    while power >= 1 do
        table_of[power] = { a, b, c, d }
        a, b, c, d = times_x(a, b, c, d)
        power = power / 2
    end
    for value = 1, 255 do
        local high = 1
        while high * 2 <= value do high = high * 2 end
        local p, q = table_of[high], table_of[value - high]
        if value ~= high then
            table_of[value] = { bxor(p[1], q[1]), bxor(p[2], q[2]), bxor(p[3], q[3]),
                bxor(p[4], q[4]) }
        end
    end
    return table_of
end

local function ghash(table_of, text)
    local a, b, c, d = 0, 0, 0, 0
    for at = 1, #text, 16 do
        local y1, y2, y3, y4 = bxor(a, word(text, at)), bxor(b, word(text, at + 4)),
            bxor(c, word(text, at + 8)), bxor(d, word(text, at + 12))
        a, b, c, d = 0, 0, 0, 0
        for _, y in ipairs({ y4, y3, y2, y1 }) do
            for shift = 0, 24, 8 do
                local out = REDUCED[band(d, 255)]
                local m = table_of[band(rshift(y, shift), 255)]
                d = bxor(bor(rshift(d, 8), lshift(c, 24)), m[4])
                c = bxor(bor(rshift(c, 8), lshift(b, 24)), m[3])
                b = bxor(bor(rshift(b, 8), lshift(a, 24)), m[2])
                a = bxor(rshift(a, 8), out, m[1])
            end
        end
    end
    return a, b, c, d
end

local function padded(text)
    return text .. ("\0"):rep(-#text % 16)
end

local function gcm_key(key)
    local w = round_keys(key)
    return { w = w, products = products({ aes(w, 0, 0, 0, 0) }) }
end

-- The clear text; nothing where the tag does not fit.
local function gcm_open(key, nonce, header, sealed, tag)
    local n1, n2, n3 = word(nonce, 1), word(nonce, 5), word(nonce, 9)
    local lengths = ("\0"):rep(4) .. bytes_of(#header * 8) .. ("\0"):rep(4) .. bytes_of(#sealed * 8)
    local a, b, c, d = ghash(key.products, padded(header) .. padded(sealed) .. lengths)
    local p, q, r, s = aes(key.w, n1, n2, n3, 1)
    local seal = bytes_of(bxor(a, p)) .. bytes_of(bxor(b, q)) .. bytes_of(bxor(c, r))
        .. bytes_of(bxor(d, s))
    if seal ~= tag then return nil end
    local full, clear = padded(sealed), {}
    for at = 1, #full, 16 do
        p, q, r, s = aes(key.w, n1, n2, n3, (at - 1) / 16 + 2)
        clear[#clear + 1] = bytes_of(bxor(p, word(full, at)))
            .. bytes_of(bxor(q, word(full, at + 4))) .. bytes_of(bxor(r, word(full, at + 8)))
            .. bytes_of(bxor(s, word(full, at + 12)))
    end
    return table.concat(clear):sub(1, #sealed)
end

-- ---- keys ------------------------------------------------------------------

local OPEN = sha256("mcast-chat open group v1")

local function hex(text)
    return (text:gsub(".", function(c) return ("%02x"):format(byte(c)) end))
end

local function group_id(name)
    return sha256("mcast-chat group v1\0" .. name):sub(1, 16)
end

-- A group that datagrams may belong to: the secret that its sessions' keys come from.
local function group(id, psk, name)
    return { tag = id:sub(1, 4), secret = hmac(id, psk), name = name, locked = psk ~= OPEN }
end

-- Groups of the preferences; those met; what is known of each session.
local given, met, sessions, tags = {}, {}, {}, {}

local function meet(name)
    if not met[name] then met[name] = group(group_id(name), OPEN, name) end
end

proto.prefs.port = Pref.uint("UDP port", PORT, "The port of the group; others are recognised, too")
proto.prefs.keys = Pref.string("Locked groups", "",
    "ADDR:PORT=KEY, with spaces between (without a key: an open group). scripts/group-key "
        .. "prints it for a passphrase. The key "
        .. "opens all that the group says, and is kept in the clear in Wireshark's preferences.")
proto.prefs.note = Pref.statictext("Groups without a passphrase need no key: it is public.", "")

local port_of_udp = nil

local function prefs_changed()
    given, sessions, tags = {}, {}, {}
    for entry in proto.prefs.keys:gmatch("%S+") do
        local name, key = entry:match("^(.+:%d+)=(%x+)$")
        if key and #key == 64 then
            local psk = key:gsub("%x%x", function(pair) return char(tonumber(pair, 16)) end)
            given[#given + 1] = group(group_id(name), psk, name)
        elseif entry:match("^.+:%d+$") then
            given[#given + 1] = group(group_id(entry), OPEN, entry)
        else
            given.fault = "an entry of the preference is neither ADDR:PORT nor ADDR:PORT=KEY, "
                .. "with 64 hex digits"
        end
    end
    local udp = DissectorTable.get("udp.port")
    if port_of_udp ~= proto.prefs.port then
        if port_of_udp then udp:remove(port_of_udp, proto) end
        udp:add(proto.prefs.port, proto)
        port_of_udp = proto.prefs.port
    end
end

proto.prefs_changed = prefs_changed

function proto.init()
    met, sessions, tags = {}, {}, {}
end

local function key_of(secret, session)
    local label = "mcast-chat tx v1\0" .. ("\0"):rep(4) .. session
    return gcm_key(hmac(secret, label .. "\1"))
end

local function session_of(session)
    local known = sessions[session]
    if not known then
        known = { frames = {} }
        sessions[session], tags[hex(session:sub(1, 8))] = known, known
    end
    return known
end

-- The name behind a session's tag, where it was told; else the beginning of the tag.
local function who(tag)
    local known = tags[tag]
    return known and known.name or tag:sub(1, 8)
end

local function count_of(number, what)
    return tostring(number) .. " " .. what .. (tostring(number) == "1" and "" or "s")
end

local function candidates(tag)
    local list = {}
    for _, one in ipairs(given) do
        if one.tag == tag then list[#list + 1] = one end
    end
    for _, one in pairs(met) do
        if one.tag == tag then list[#list + 1] = one end
    end
    return list
end

-- The clear body and its group, or nothing and why.
local function opened(bytes, session)
    local header, sealed, tag = bytes:sub(1, HEADER), bytes:sub(HEADER + 1, -TAG - 1),
        bytes:sub(-TAG)
    local nonce = ("\0"):rep(4) .. header:sub(29, 36)
    local known = session_of(session)
    if known.key then
        local clear = gcm_open(known.key, nonce, header, sealed, tag)
        if clear then return clear, known.group end
    end
    local tried = candidates(header:sub(5, 8))
    for _, one in ipairs(tried) do
        local key = known.key and known.group == one and known.key or key_of(one.secret, session)
        local clear = gcm_open(key, nonce, header, sealed, tag)
        if clear then
            known.key, known.group = key, one
            return clear, one
        end
    end
    if given.fault then return nil, given.fault end
    if #tried == 0 then return nil, "no group that is known has this tag" end
    return nil, "it is damaged, or no key that is known fits: another passphrase"
end

-- ---- fields ----------------------------------------------------------------

local KINDS = { "DATA", "HEARTBEAT", "NACK", "LEAVE", "FLUSH_REQ", "FLUSH_STATE", "CUT", "CUT_DONE",
    "INSTALL", "BULK", "PARITY", "BULK_NACK", "BULK_JOIN", "PROBE", "PROBE_REPLY" }
local SERVICES = { [0] = "fifo", "causal", "agreed", "safe", "history" }
local PARTS = { [0] = "whole", "first", "middle", "last" }

local fields = {}

local function field(make, path, title, ...)
    if not fields[path] then fields[path] = make("mcastchat." .. path, title, ...) end
    return fields[path]
end

local F = {
    version = field(ProtoField.uint8, "version", "Version"),
    kind = field(ProtoField.uint8, "kind", "Kind", base.DEC, KINDS),
    reserved = field(ProtoField.uint16, "reserved", "Reserved"),
    group = field(ProtoField.bytes, "group", "Group tag"),
    epoch = field(ProtoField.uint32, "epoch", "Key epoch"),
    session = field(ProtoField.bytes, "session", "Session"),
    counter = field(ProtoField.uint64, "counter", "Packet counter"),
    tag = field(ProtoField.bytes, "seal", "Seal"),
    sealed = field(ProtoField.bytes, "sealed", "Sealed body"),
    group_name = field(ProtoField.string, "group.name", "Group"),
    locked = field(ProtoField.bool, "group.locked", "Locked by a passphrase"),
    sender = field(ProtoField.string, "sender", "Sender"),
    again = field(ProtoField.framenum, "again", "The same datagram as in frame",
        base.NONE, frametype.RETRANS_PREV),
    closed = field(ProtoField.string, "closed", "Cannot be opened"),
    malformed = field(ProtoField.string, "malformed", "Malformed"),
}
local X = {
    closed = ProtoExpert.new("mcastchat.closed.expert", "Cannot be opened",
        expert.group.DECRYPTION, expert.severity.WARN),
    malformed = ProtoExpert.new("mcastchat.malformed.expert", "Malformed",
        expert.group.MALFORMED, expert.severity.ERROR),
}
proto.experts = { X.closed, X.malformed }

-- ---- bodies: bincode's integers, then readers put together -----------------
-- A reader takes from a cursor, adds to a tree what it took, and returns its value.

local function malformed(reason)
    error({ malformed = reason }, 0)
end

local function cursor(tvb, at, stop)
    return { tvb = tvb, at = at, stop = stop }
end

local function take(c, count)
    if count > c.stop - c.at then malformed("it ends too early") end
    local range = nil
    if count > 0 then range = c.tvb(c.at, count) end
    c.at = c.at + count
    return range
end

-- An integer and its place. A UInt64 where it is too long for a number.
local function integer(c)
    local from = c.at
    local first = take(c, 1):uint()
    local value = first
    if first == 251 then
        value = take(c, 2):le_uint()
    elseif first == 252 then
        value = take(c, 4):le_uint()
    elseif first == 253 then
        value = take(c, 8):le_uint64()
    elseif first > 253 then
        malformed("an integer of unknown length")
    end
    return value, c.tvb(from, c.at - from)
end

-- A length, or a choice: a small number.
local function small(c, limit, what)
    local value, range = integer(c)
    if type(value) ~= "number" or value > limit then malformed(what .. " out of range") end
    return value, range
end

local function number(path, title)
    local f = field(ProtoField.uint64, path, title)
    return function(c, tree)
        local value, range = integer(c)
        tree:add(f, range, type(value) == "number" and UInt64(value) or value)
        return value
    end
end

local function choice(path, title, names)
    local f = field(ProtoField.uint8, path, title, base.DEC, names)
    return function(c, tree)
        local value, range = small(c, 255, title)
        if not names[value] then malformed(title .. " out of range") end
        tree:add(f, range, value)
        return value
    end
end

-- Whether a byte is 1 and not 0, and its place.
local function is_set(c, title)
    local range = take(c, 1)
    if range:uint() > 1 then malformed(title .. " is neither 0 nor 1") end
    return range:uint() == 1, range
end

local function flag(path, title)
    local f = field(ProtoField.bool, path, title)
    return function(c, tree)
        local value, range = is_set(c, title)
        tree:add(f, range)
        return value
    end
end

local function id(path, title, length)
    local f = field(ProtoField.bytes, path, title)
    return function(c, tree)
        local range = take(c, length)
        tree:add(f, range)
        return hex(range:raw())
    end
end

local function fixed(path, title, length)
    local f = field(ProtoField.uint64, path, title)
    return function(c, tree)
        local range = take(c, length)
        local value = length == 8 and range:uint64() or range:uint()
        tree:add(f, range, range:uint64())
        return value
    end
end

-- 0, 2-5, 9
local function runs(set)
    local list = {}
    for i, rank in ipairs(set) do
        if i > 1 and set[i - 1] == rank - 1 then
            list[#list] = list[#list]:match("^%d+") .. "-" .. rank
        else
            list[#list + 1] = tostring(rank)
        end
    end
    return table.concat(list, ", ")
end

local function ranks(path, title)
    local f = field(ProtoField.string, path, title)
    return function(c, tree)
        local from, set = c.at, {}
        local wide, range, _ = take(c, 1):uint() == 254, nil, nil
        if wide then
            range = take(c, 16)
        else
            c.at = from
            _, range = integer(c)
        end
        local skip = not wide and range:len() > 1 and 1 or 0
        for i = skip, range:len() - 1 do
            local bits = range(i, 1):uint()
            for shift = 0, 7 do
                if band(rshift(bits, shift), 1) == 1 then set[#set + 1] = (i - skip) * 8 + shift end
            end
        end
        local text = runs(set)
        tree:add(f, c.tvb(from, c.at - from), text):append_text(#set == 0 and "nobody" or "")
        return text
    end
end

-- As many bytes as a length before them says; nil where that is 0.
local function counted(c)
    local length = small(c, 1048576, "a length")
    return take(c, length)
end

local function text(path, title)
    local f = field(ProtoField.string, path, title)
    return function(c, tree)
        local range = counted(c)
        if range then tree:add_packet_field(f, range, ENC_UTF_8) else tree:add(f, "") end
        return range and range:raw() or ""
    end
end

-- Readers one after another; the value has theirs by name.
local function all(named)
    return function(c, tree)
        local values = {}
        for i = 1, #named, 2 do values[named[i]] = named[i + 1](c, tree) end
        return values
    end
end

-- A part of the tree of its own, which `say` puts into a line.
local function part(title, read, say)
    return function(c, tree)
        local from = c.at
        if from >= c.stop then malformed("it ends too early") end
        local under = tree:add(c.tvb(from, c.stop - from), title)
        local value = read(c, under)
        under:set_len(c.at - from)
        if say then under:append_text(": " .. say(value)) end
        return value
    end
end

local function option(title, read)
    return function(c, tree)
        if not is_set(c, title) then return nil end
        return read(c, tree)
    end
end

local function entries(title, read, c, tree)
    local list = {}
    while c.at < c.stop do list[#list + 1] = read(c, tree) end
    tree:append_text((": %d"):format(#list))
    return list
end

-- A list with its length in bytes before it.
local function listed(title, read)
    return function(c, tree)
        local from = c.at
        local length = small(c, 65507, "a length")
        local stop = c.at + length
        if stop > c.stop then malformed("it ends too early") end
        local under = tree:add(c.tvb(from, stop - from), title)
        local value = entries(title, read, cursor(c.tvb, c.at, stop), under)
        c.at = stop
        return value
    end
end

local function view(title)
    local read = all { "epoch", number("view.epoch", "Epoch"),
        "by", id("view.coordinator", "Coordinator's tag", 8) }
    return part(title, read, function(v) return tostring(v.epoch) .. " of " .. who(v.by) end)
end

local function run(prefix)
    local read = all { "place", number("order.place", "Place"),
        "rank", number("order.rank", "Sender's rank"),
        "number", number("order.number", "First message"),
        "count", number("order.count", "How many") }
    return part(prefix, read, function(v)
        return ("place %s is message %s of rank %s, %s in a row"):format(tostring(v.place),
            tostring(v.number), tostring(v.rank), tostring(v.count))
    end)
end

-- ---- what people say (src/chat/content.rs), and of files (src/files/offer.rs)

local CONTENTS = { [0] = "text", "act", "edit", "delete", "react", "topic", "presence", "typing",
    "sealed", "ask", "took", "floor" }
local FLOOR = { [0] = "on", "off", "ask", "pass", "exit", "state" }

local message_id = all { "of", id("say.message.session", "Session's tag", 8),
    "number", number("say.message.number", "Message") }
local about = part("About", message_id,
    function(v) return "message " .. tostring(v.number) .. " of " .. who(v.of) end)

local function lump(path, title)
    local f = field(ProtoField.bytes, path, title)
    return function(c, tree)
        local range = counted(c)
        if range then tree:add(f, range) end
    end
end

local wrapped = part("Key for it", all {
    "encapsulated", id("say.sealed.encapsulated", "Encapsulated key", 32),
    "key", id("say.sealed.key", "Key, sealed", 48) })
local floor_word = choice("say.floor", "Floor", FLOOR)
local floor_state = all { "on", flag("say.floor.on", "Members take turns"),
    "queue", lump("say.floor.queue", "Who speaks, who waits") }

local CONTENT = {
    [2] = about, [3] = about, [4] = about, [10] = about, [9] = option("About", about),
    [6] = all { "away", flag("say.away", "Away"), "rooms", text("say.rooms", "Rooms"),
        "card", option("Keys", part("Keys", all {
            "signing", id("say.card.signing", "Signing", 32),
            "sealing", id("say.card.sealing", "Sealing", 32),
            "signature", id("say.card.signature", "Signature", 64) })) },
    [8] = all { "to", wrapped, "own", wrapped, "content", lump("say.sealed.content", "Sealed") },
    [11] = function(c, tree) if floor_word(c, tree) == 5 then floor_state(c, tree) end end,
}
local which_content = choice("say.kind", "Kind", CONTENTS)

local said = all {
    "version", fixed("say.version", "Envelope's version", 1),
    "kind", function(c, tree)
        local kind = which_content(c, tree)
        if CONTENT[kind] then CONTENT[kind](c, tree) end
        return CONTENTS[kind]
    end,
    "to", option("To", id("say.to", "Only for", 16)),
    "at", number("say.at", "Said at (ms since 1970)"),
    "name", text("say.name", "Name"),
    "room", text("say.room", "Room"),
    "text", text("say.text", "Text"),
}
local more = all {
    "guest", option("Guest", text("say.guest", "Guest")),
    "reply_to", option("Reply to", part("Reply to", message_id)),
    "all_rooms", flag("say.all_rooms", "In all rooms"),
}

local function envelope(c, tree)
    local value = said(c, tree)
    if c.at < c.stop then more(c, tree) end
    if c.at < c.stop then malformed("bytes follow it") end
    value.text = value.kind == "text" and value.text or ("(%s) %s"):format(value.kind, value.text)
    return value
end

local object = id("file.object", "Object", 32)
local offer = all { "object", object, "size", number("file.size", "Bytes"),
    "name", text("file.name", "Name"),
    "folder", option("Folder", all { "files", number("file.files", "Files"),
        "total", number("file.total", "Bytes of all") }) }
local which_word = choice("file.word", "Word", { [0] = "offer", "has", "gone" })

local function file_word(c, tree)
    take(c, 2)
    if which_word(c, tree) == 0 then
        return { text = "offers " .. offer(c, tree).name }
    end
    object(c, tree)
    return { text = "of a file" }
end

-- Where the content of a message is neither, or of another version, its bytes are shown already.
local function content(c, tree)
    local first, second = c.tvb(c.at, 1):uint(), c.stop - c.at > 1 and c.tvb(c.at + 1, 1):uint()
    local read = first == 1 and envelope or first == 70 and second == 1 and file_word
    if not read then return nil end
    local done, value = pcall(part(first == 1 and "Said" or "Of files", read), c, tree)
    if done then return value end
    tree:add(F.malformed, "content: " .. (type(value) == "table" and value.malformed or value))
    return nil
end

-- ---- DATA ------------------------------------------------------------------

local kept = part("Kept", all { "of", id("archive.of", "Session's tag", 8),
    "first", number("archive.first", "First message"),
    "count", number("archive.count", "How many"),
    "whole", flag("archive.whole", "Bytes are kept") },
    function(v) return ("%s from %s of %s"):format(tostring(v.count), tostring(v.first), v.of) end)
local archived_head = all { "member", id("archive.member", "Member", 16),
    "session", id("archive.session", "Session", 16),
    "number", number("archive.number", "Message"),
    "service", choice("archive.service", "Service", SERVICES) }
local archived_bytes = field(ProtoField.bytes, "archive.body", "Message")
local which_part = choice("archive.part", "Part of an archive",
    { [0] = "digest", "message", "end", "declined" })

local ARCHIVE = { [0] = listed("Digest", kept), function(c, tree)
    archived_head(c, tree)
    local length = small(c, 1048576, "a length")
    if length == 0 then return end
    local from = c.at
    content(cursor(c.tvb, from, from + length), tree:add(archived_bytes, take(c, length)))
end, ranks("archive.digests", "Digests known of"), function() end }

local part_of_record = choice("data.record.part", "Part", PARTS)
local service_of_record = choice("data.record.content", "Content", SERVICES)
local total_of_record = number("data.record.total", "Bytes of the message")
local bytes_of_record = field(ProtoField.bytes, "data.record.body", "Bytes")
local message_of_record = field(ProtoField.uint64, "data.message", "Message")

local record = part("Record", function(c, tree)
    local one = { content = service_of_record(c, tree), part = part_of_record(c, tree) }
    one.tree = tree
    if one.part == 1 then total_of_record(c, tree) end
    local length = small(c, 65507, "a length")
    local range = take(c, length)
    if not range then return one end
    local under = tree:add(bytes_of_record, range)
    if one.part ~= 0 then return one end
    local inside = cursor(c.tvb, c.at - length, c.at)
    if one.content < 4 then
        one.said = content(inside, under)
    else
        ARCHIVE[which_part(inside, under)](inside, under)
    end
    return one
end, function(one) return SERVICES[one.content] .. ", " .. PARTS[one.part] end)

local data_head = all {
    "seq", number("data.seq", "Seq"), "view", view("View"),
    "message", number("data.first_message", "First message"),
    "after", listed("After", part("Dependency", all { "rank", number("data.after.rank", "Rank"),
        "number", number("data.after.number", "Message") })),
    "order", listed("Order", run("Run")),
    "handoff", option("Handoff", part("Handoff", all {
        "rank", number("data.handoff.rank", "Rank of the next sequencer"),
        "place", number("data.handoff.place", "From place") })),
    "records", listed("Records", record),
}
local zeros = field(ProtoField.bytes, "data.zeros", "Zeros that fill it")

local function data(c, tree)
    local packet = data_head(c, tree)
    local message, said = UInt64(0) + packet.message, nil
    for _, one in ipairs(packet.records) do
        if one.content < 4 then
            one.tree:prepend_text("Message " .. tostring(message) .. ": ")
            one.tree:add(message_of_record, message):set_generated()
            said = said or one.said
            if one.part == 0 or one.part == 3 then message = message + 1 end
        end
    end
    if c.at < c.stop then tree:add(zeros, take(c, c.stop - c.at)) end
    local info = { "seq " .. tostring(packet.seq), count_of(#packet.records, "record") }
    if #packet.order > 0 then
        info[#info + 1] = count_of(#packet.order, "run") .. " of the order"
    end
    if said and said.text then info[#info + 1] = (said.name or "") .. ": " .. said.text end
    return table.concat(info, ", ")
end

-- ---- the other kinds -------------------------------------------------------

local beat = all {
    "sent_at", number("heartbeat.sent_at", "Sent at (us of the session)"),
    "low", number("heartbeat.low", "Low"), "high", number("heartbeat.high", "High"),
    "next", number("heartbeat.next_message", "Next message"),
    "view", view("View"), "rank", number("heartbeat.rank", "Rank"),
    "promised", number("heartbeat.promised", "Promised epoch"),
    "together", number("heartbeat.together", "Together"),
    "hears", ranks("heartbeat.hears", "Hears"), "probes", ranks("heartbeat.probes", "Probes"),
    "hello", flag("heartbeat.hello", "Hello"),
    "profile", option("Profile", part("Profile", all {
        "member", id("heartbeat.member", "Member", 16), "name", text("heartbeat.name", "Name") })),
    "echoes", listed("Echoes", part("Echo", all { "to", id("heartbeat.echo.to", "To", 8),
        "at", number("heartbeat.echo.at", "Sent at (us), and waited") })),
    "acks", listed("Acks", part("Ack", all { "rank", number("heartbeat.ack.rank", "Rank"),
        "received", number("heartbeat.ack.received", "All received before"),
        "high", number("heartbeat.ack.high", "High") },
        function(v)
            return ("rank %s: all before %s of %s"):format(tostring(v.rank), tostring(v.received),
                tostring(v.high))
        end)),
    "heard", number("heartbeat.heard", "Bytes heard"),
    "reports", listed("Reports", part("Report", all {
        "rank", number("heartbeat.report.rank", "Rank"),
        "counter", number("heartbeat.report.counter", "Newest packet counter"),
        "came", number("heartbeat.report.came", "Came at (us)"),
        "datagrams", number("heartbeat.report.datagrams", "Datagrams"),
        "free", number("heartbeat.report.free", "Bytes free") })),
    "prompt", ranks("heartbeat.prompt", "Prompt"), "lagging", ranks("heartbeat.lagging", "Lagging"),
}

local function heartbeat(c, tree, known)
    local packet = beat(c, tree)
    if packet.profile then known.name = packet.profile.name end
    return ("low %s, high %s, view %s, hears %s"):format(tostring(packet.low),
        tostring(packet.high), tostring(packet.view.epoch), packet.hears)
end

local missing = part("Missing", all { "of", id("nack.of", "Of session's tag", 8),
    "first", number("nack.first", "First seq"), "count", number("nack.count", "How many"),
    "asked", number("nack.asked", "Asked, times") },
    function(v)
        return ("%s from seq %s of %s, asked %s times"):format(tostring(v.count),
            tostring(v.first), who(v.of), tostring(v.asked))
    end)

local function nack(c, tree)
    local list = entries("Missing", missing, c, tree)
    local one = list[1]
    if not one then return "nothing" end
    local more = #list > 1 and " and " .. count_of(#list - 1, "more span") or ""
    return ("%s from seq %s of %s%s"):format(count_of(one.count, "packet"), tostring(one.first),
        who(one.of), more)
end

local chain = part("Chain", all { "peak", number("chain.peak", "Peak"), "origin", view("Origin") })
local primaries = listed("Primaries", part("Primary", all { "view", view("View"),
    "size", number("primary.size", "Size"), "member", flag("primary.member", "Member"),
    "lowest", flag("primary.lowest", "Lowest"), "begun", flag("primary.begun", "Begun"),
    "chain", view("First of its chain"), "left", ranks("primary.left", "Left") }))

local CHANGE = {
    LEAVE = all { "high", number("leave.high", "High"),
        "message", number("leave.next_message", "Next message"), "view", view("View") },
    FLUSH_REQ = all { "view", view("Proposed"),
        "members", listed("Members", id("flush.member", "Member", 8)),
        "answered", ranks("flush.answered", "Answered") },
    FLUSH_STATE = all { "view", view("Proposed"), "old", view("Old"),
        "rank", number("flush.rank", "Rank"), "next", number("flush.next", "Next seq"),
        "message", number("flush.message", "Next message"),
        "unmet", ranks("flush.unmet", "Unmet"), "chain", chain, "primaries", primaries,
        "held", listed("Held", part("Held", all {
            "received", number("flush.held.received", "All received before"),
            "low", number("flush.held.low", "Low") })),
        "beyond", listed("Beyond gaps", part("Beyond", all {
            "rank", number("flush.beyond.rank", "Rank"),
            "first", number("flush.beyond.first", "First seq"),
            "count", number("flush.beyond.count", "How many") })),
        "order", listed("Order", run("Run")) },
    CUT = all { "view", view("Proposed"),
        "groups", listed("Groups", number("cut.group", "Group")),
        "ends", listed("Ends", part("End", all { "group", number("cut.end.group", "Group"),
            "rank", number("cut.end.rank", "Rank"), "end", number("cut.end.seq", "End") })),
        "order", listed("Order", part("Ordered", all {
            "group", number("cut.order.group", "Group"), "run", run("Run") })),
        "primary", flag("cut.primary", "Primary"), "chain", chain, "primaries", primaries,
        "answered", ranks("cut.answered", "Answered") },
    CUT_DONE = all { "view", view("Proposed") },
    INSTALL = all { "view", view("View"), "starts", listed("Starts", part("Start", all {
        "next", number("install.seq", "First seq"),
        "message", number("install.message", "First message") })) },
}

local function change(kind)
    return function(c, tree)
        local packet = CHANGE[kind](c, tree)
        return ("view %s of %s"):format(tostring(packet.view.epoch), who(packet.view.by))
    end
end

local place = all { "object", fixed("bulk.object", "Object's tag", 4),
    "block", fixed("bulk.block", "Block", 4), "turn", fixed("bulk.turn", "Turn", 4),
    "symbol", fixed("bulk.symbol", "Symbol", 2), "count", fixed("bulk.count", "Source symbols", 2),
    "end", fixed("bulk.end", "Symbols meant to be sent", 2) }
local base_of_parity = fixed("bulk.base", "Counter of the first source symbol", 8)
local share = field(ProtoField.bytes, "bulk.part", "Part, or code")

local function symbol(with_base)
    return function(c, tree)
        local at = place(c, tree)
        if with_base then base_of_parity(c, tree) end
        tree:add(share, take(c, c.stop - c.at) or malformed("it holds nothing"))
        return ("object %08x, block %d, symbol %d of %d, turn %d"):format(at.object, at.block,
            at.symbol, at.count, at.turn)
    end
end

local receiver = id("bulk.to", "To", 8)
local bulk_nack = all { "to", receiver, "next", number("bulk.nack.next", "Next turn"),
    "loss", number("bulk.nack.loss", "Loss, in 65,536ths"),
    "lacks", listed("Lacks", part("Lack", all { "turn", number("bulk.lack.turn", "Turn"),
        "heard", number("bulk.lack.heard", "Heard"), "count", number("bulk.lack.count", "Lacks") }))
}
local bulk_join = all { "to", receiver, "object", id("bulk.join.object", "Object", 32),
    "wants", listed("Wants", part("Run of blocks", all {
        "first", number("bulk.want.first", "First"), "count", number("bulk.want.count", "Count") }))
}

local WAYS = { [0] = "multicast", "unicast", "broadcast" }
local probe = all { "number", number("probe.number", "Number"),
    "sent_at", number("probe.sent_at", "Sent at (us of the asker)"),
    "way", choice("probe.way", "Way", WAYS), "filler", lump("probe.filler", "Filler") }
local probe_reply = all { "to", id("probe.to", "To", 8), "number", number("probe.number", "Number"),
    "sent_at", number("probe.sent_at", "Sent at (us of the asker)"),
    "asked", choice("probe.asked", "Asked by", WAYS), "way", choice("probe.way", "Way", WAYS),
    "session", id("probe.session", "Session in the group", 8),
    "member", id("probe.member", "Member", 16), "name", text("probe.name", "Name"),
    "heard", number("probe.heard", "Probes heard"),
    "answered", number("probe.answered", "Answers sent"),
    "clock", number("probe.clock", "Clock (us since 1970)") }

local function probing(read)
    return function(c, tree)
        local packet = read(c, tree)
        return ("number %s by %s"):format(tostring(packet.number), WAYS[packet.way])
    end
end

local BODIES = { data, heartbeat, nack, change("LEAVE"), change("FLUSH_REQ"), change("FLUSH_STATE"),
    change("CUT"), change("CUT_DONE"), change("INSTALL"), symbol(false), symbol(true),
    function(c, tree)
        local packet = bulk_nack(c, tree)
        return ("to %s, %s lack symbols"):format(who(packet.to), count_of(#packet.lacks, "turn"))
    end,
    function(c, tree)
        local packet = bulk_join(c, tree)
        return ("to %s, %s of blocks"):format(who(packet.to), count_of(#packet.wants, "run"))
    end, probing(probe), probing(probe_reply) }

-- ---- a datagram ------------------------------------------------------------

-- What others wrote, for the column: without what a terminal would obey or mirror.
local function shown(words)
    words = words:gsub("[%c\127]", "."):gsub("\194[\128-\159]", ".")
    return (words:gsub("\226\128[\142\143\168-\174]", "."):gsub("\226\129[\166-\169]", "."))
end

-- Why these bytes cannot be a datagram of ours; nothing where they can.
local function fault_of(tvb)
    if tvb:reported_len() < HEADER + TAG then return "shorter than 52 bytes" end
    if tvb:len() < HEADER + TAG then return "cut by the capture" end
    if tvb(0, 1):uint() ~= 1 then return "version " .. tvb(0, 1):uint() end
    if not KINDS[tvb(1, 1):uint()] then return "kind " .. tvb(1, 1):uint() end
    if tvb(2, 2):uint() ~= 0 then return "reserved bits are set" end
    if tvb(8, 4):uint() ~= 0 then return "a key epoch that is not in use" end
    return nil
end

local function refused(tree, pinfo, reason, f, x)
    pinfo.cols.info = shown(tostring(pinfo.cols.info) .. ": " .. reason)
    tree:add(f, reason):add_proto_expert_info(x, reason)
end

local function header(tvb, tree)
    local under = tree:add(tvb(0, HEADER), "Header")
    local places = { { "version", 0, 1 }, { "kind", 1, 1 }, { "reserved", 2, 2 }, { "group", 4, 4 },
        { "epoch", 8, 4 }, { "session", 12, 16 }, { "counter", 28, 8 } }
    for _, at in ipairs(places) do under:add(F[at[1]], tvb(at[2], at[3])) end
    return tvb(1, 1):uint(), tvb(12, 16):raw()
end

-- Who sent it, and whether it was sent before: a repair, which keeps its counter, or a copy.
local function remember(tvb, pinfo, tree, known)
    local counter = tvb(28, 8):raw()
    local first = known.frames[counter]
    if not first then known.frames[counter] = pinfo.number end
    if known.name then tree:add(F.sender, known.name):set_generated() end
    if first and first < pinfo.number then
        tree:add(F.again, first):set_generated()
        return " [again]"
    end
    return ""
end

local function body(kind, clear, tree, known)
    local tvb = ByteArray.new(clear, true):tvb("Opened")
    local c = cursor(tvb, 0, tvb:len())
    local under = tree:add(tvb(), "Body")
    local done, info = pcall(BODIES[kind], c, under, known)
    if done and c.at < c.stop then done, info = false, { malformed = "bytes follow it" } end
    if done then return info end
    return nil, type(info) == "table" and info.malformed or "dissector: " .. tostring(info)
end

local function datagram(tvb, pinfo, tree)
    local root = tree:add(proto, tvb())
    pinfo.cols.protocol = "mcast-chat"
    local fault = fault_of(tvb)
    pinfo.cols.info = fault and "not a datagram" or KINDS[tvb(1, 1):uint()]
    if fault then return refused(root, pinfo, fault, F.malformed, X.malformed) end
    local kind, session = header(tvb, root)
    root:append_text(", " .. KINDS[kind])
    local clear, owner = nil, "cut by the capture"
    if tvb:len() == tvb:reported_len() then clear, owner = opened(tvb:raw(), session) end
    root:add(F.sealed, tvb(HEADER, math.max(tvb:len() - HEADER - TAG, 0)))
    root:add(F.tag, tvb(tvb:len() - TAG, TAG))
    if not clear then return refused(root, pinfo, owner, F.closed, X.closed) end
    root:add(F.locked, owner.locked):set_generated()
    root:add(F.group_name, owner.name or "?"):set_generated()
    local known = session_of(session)
    local again = remember(tvb, pinfo, root, known)
    local info, why = body(kind, clear, root, known)
    if why then return refused(root, pinfo, why, F.malformed, X.malformed) end
    local name = known.name and known.name .. ": " or ""
    pinfo.cols.info = shown(name .. KINDS[kind] .. again .. " " .. info)
end

-- An open group is named by where its datagrams go to.
local function meet_address(pinfo)
    local address = tostring(pinfo.dst)
    if address:find(":", 1, true) then address = "[" .. address .. "]" end
    local name = address .. ":" .. pinfo.dst_port
    meet(name)
end

function proto.dissector(tvb, pinfo, tree)
    meet_address(pinfo)
    datagram(tvb, pinfo, tree)
    return tvb:len()
end

proto.fields = {}
do
    local list = {}
    for _, one in pairs(fields) do list[#list + 1] = one end
    proto.fields = list
end

-- Groups on other ports: fixed bits of the header, and a counter that can be.
proto:register_heuristic("udp", function(tvb, pinfo, tree)
    if fault_of(tvb) then return false end
    local kind, high = tvb(1, 1):uint(), tvb(28, 1):uint()
    local bulk = kind == 10 or kind == 11
    if band(high, 0x40) ~= 0 or (band(high, 0x80) ~= 0) ~= bulk then return false end
    proto.dissector(tvb, pinfo, tree)
    return true
end)

-- ---- frames of TCP ---------------------------------------------------------

local mesh = Proto("mcastchat_tcp", "mcast-chat over TCP")
local FRAMES = { "greeting", "members", "datagram" }
local M = {
    length = ProtoField.uint16("mcastchat_tcp.length", "Length"),
    kind = ProtoField.uint8("mcastchat_tcp.kind", "Frame", base.DEC, FRAMES),
    version = ProtoField.uint8("mcastchat_tcp.version", "Version"),
    group = ProtoField.bytes("mcastchat_tcp.group", "Group"),
    session = ProtoField.bytes("mcastchat_tcp.session", "Session"),
    attempt = ProtoField.uint32("mcastchat_tcp.attempt", "Attempt"),
    rest = ProtoField.bytes("mcastchat_tcp.rest", "Addresses"),
}
mesh.fields = { M.length, M.kind, M.version, M.group, M.session, M.attempt, M.rest }

local function greeting(tvb, under)
    if tvb:len() < 45 then return end
    under:add(M.version, tvb(7, 1))
    under:add(M.group, tvb(8, 16))
    under:add(M.session, tvb(24, 16))
    under:add(M.attempt, tvb(40, 4))
    under:add(M.rest, tvb(44))
    local id = tvb(8, 16):raw()
    met[id] = met[id] or group(id, OPEN, "id " .. hex(id))
end

local function frame(tvb, pinfo, tree)
    local under = tree:add(mesh, tvb(0, 3))
    local kind = tvb(2, 1):uint()
    under:add(M.length, tvb(0, 2))
    under:add(M.kind, tvb(2, 1))
    under:append_text(", " .. (FRAMES[kind] or "unknown"))
    if kind == 3 and tvb:len() > 3 then
        datagram(tvb(3):tvb(), pinfo, tree)
        return tvb:len()
    end
    pinfo.cols.protocol = "mcast-chat"
    pinfo.cols.info = FRAMES[kind] or "unknown frame"
    under:set_len(tvb:len())
    if kind == 1 then greeting(tvb, under) elseif tvb:len() > 3 then under:add(M.rest, tvb(3)) end
    return tvb:len()
end

function mesh.dissector(tvb, pinfo, tree)
    local function length(from, _, at) return from(at, 2):uint() + 2 end
    dissect_tcp_pdus(tvb, tree, 3, length, frame)
    return tvb:len()
end

mesh:register_heuristic("tcp", function(tvb, pinfo, tree)
    if tvb:len() < 7 or tvb(2, 1):uint() ~= 1 or tvb(3, 4):string() ~= "mcme" then return false end
    pinfo.conversation = mesh
    mesh.dissector(tvb, pinfo, tree)
    return true
end)
DissectorTable.get("tcp.port"):add_for_decode_as(mesh)

prefs_changed()
