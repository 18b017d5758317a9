"""
pipeline_kafka — a test looks at Kafka hundreds of times while it waits: topics read on from where the last look ended, end
offsets and committed offsets, in this process through librdkafka (ctypes) instead of a kcat each time.
"""
import ctypes
import time

_lib = ctypes.CDLL("librdkafka.so.1")
_OK, _PARTITION_EOF, _BEGINNING, _INVALID = 0, -191, -2, -1001
_TIMEOUT_MS = 20000


class _Message(ctypes.Structure):
    _fields_ = [("err", ctypes.c_int), ("rkt", ctypes.c_void_p), ("partition", ctypes.c_int32),
                ("payload", ctypes.c_void_p), ("len", ctypes.c_size_t), ("key", ctypes.c_void_p),
                ("key_len", ctypes.c_size_t), ("offset", ctypes.c_int64), ("private", ctypes.c_void_p)]


class _Partition(ctypes.Structure):
    _fields_ = [("topic", ctypes.c_char_p), ("partition", ctypes.c_int32), ("offset", ctypes.c_int64),
                ("metadata", ctypes.c_void_p), ("metadata_size", ctypes.c_size_t), ("opaque", ctypes.c_void_p),
                ("err", ctypes.c_int), ("private", ctypes.c_void_p)]


class _Partitions(ctypes.Structure):
    _fields_ = [("cnt", ctypes.c_int), ("size", ctypes.c_int), ("elems", ctypes.POINTER(_Partition))]


_P, _INT = ctypes.c_void_p, ctypes.c_int
for _name, _result, _arguments in (
        ("rd_kafka_conf_new", _P, []),
        ("rd_kafka_conf_set", _INT, [_P, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]),
        ("rd_kafka_new", _P, [_INT, _P, ctypes.c_char_p, ctypes.c_size_t]),
        ("rd_kafka_poll_set_consumer", _INT, [_P]),
        ("rd_kafka_destroy_flags", None, [_P, _INT]),
        ("rd_kafka_assign", _INT, [_P, ctypes.POINTER(_Partitions)]),
        ("rd_kafka_consumer_poll", ctypes.POINTER(_Message), [_P, _INT]),
        ("rd_kafka_message_destroy", None, [ctypes.POINTER(_Message)]),
        ("rd_kafka_message_headers", _INT, [ctypes.POINTER(_Message), ctypes.POINTER(_P)]),
        ("rd_kafka_header_get_all", _INT, [_P, ctypes.c_size_t, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(_P),
                                           ctypes.POINTER(ctypes.c_size_t)]),
        ("rd_kafka_query_watermark_offsets", _INT, [_P, ctypes.c_char_p, ctypes.c_int32, ctypes.POINTER(ctypes.c_int64),
                                                    ctypes.POINTER(ctypes.c_int64), _INT]),
        ("rd_kafka_committed", _INT, [_P, ctypes.POINTER(_Partitions), _INT]),
        ("rd_kafka_topic_partition_list_new", ctypes.POINTER(_Partitions), [_INT]),
        ("rd_kafka_topic_partition_list_add", ctypes.POINTER(_Partition),
         [ctypes.POINTER(_Partitions), ctypes.c_char_p, ctypes.c_int32]),
        ("rd_kafka_topic_partition_list_destroy", None, [ctypes.POINTER(_Partitions)]),
        ("rd_kafka_err2str", ctypes.c_char_p, [_INT])):
    _function = getattr(_lib, _name)
    _function.restype, _function.argtypes = _result, _arguments


class KafkaAway(OSError):
    """No answer, or an error that passes."""


def _check(code, what):
    if code != _OK:
        raise KafkaAway(f"{what}: {_lib.rd_kafka_err2str(code).decode()}")


def _text(pointer, size):
    return ctypes.string_at(pointer, size).decode("utf-8", "surrogateescape") if pointer else None


def _partitions(topic, numbers, offsets=None):
    made = _lib.rd_kafka_topic_partition_list_new(len(numbers))
    for number in numbers:
        _lib.rd_kafka_topic_partition_list_add(made, topic.encode(), number).contents.offset = \
            offsets[number] if offsets else _INVALID
    return made


def _headers(message):
    headers, out, n = _P(), {}, 0
    if _lib.rd_kafka_message_headers(message, ctypes.byref(headers)) != _OK:
        return out
    name, value, size = ctypes.c_char_p(), _P(), ctypes.c_size_t()
    while _lib.rd_kafka_header_get_all(headers, n, ctypes.byref(name), ctypes.byref(value), ctypes.byref(size)) == _OK:
        out[name.value.decode()] = _text(value.value, size.value)
        n += 1
    return out


class Client:
    """One handle; group only names whose committed offsets are asked for."""

    def __init__(self, bootstrap, group="tests"):
        text = ctypes.create_string_buffer(512)
        conf = _lib.rd_kafka_conf_new()
        for name, value in {"bootstrap.servers": bootstrap, "group.id": group, "enable.partition.eof": "true",
                            "enable.auto.commit": "false", "fetch.wait.max.ms": "20", "log_level": "0",
                            "reconnect.backoff.max.ms": "500", "fetch.error.backoff.ms": "50"}.items():
            assert _lib.rd_kafka_conf_set(conf, name.encode(), value.encode(), text, 512) == 0, text.value
        self.handle = _lib.rd_kafka_new(1, conf, text, 512)
        assert self.handle, text.value
        _lib.rd_kafka_poll_set_consumer(self.handle)

    def close(self):
        if self.handle:
            _lib.rd_kafka_destroy_flags(self.handle, 8)  # RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE
            self.handle = None

    def ends(self, topic, partitions):
        """{partition: end offset}"""
        out = {}
        for number in range(partitions):
            low, high = ctypes.c_int64(), ctypes.c_int64()
            _check(_lib.rd_kafka_query_watermark_offsets(self.handle, topic.encode(), number, ctypes.byref(low),
                                                         ctypes.byref(high), _TIMEOUT_MS), f"end of {topic}")
            out[number] = high.value
        return out

    def committed(self, topic, partitions):
        """{partition: committed offset, 0 if there is none}"""
        wanted = _partitions(topic, range(partitions))
        try:
            _check(_lib.rd_kafka_committed(self.handle, wanted, _TIMEOUT_MS), f"committed offsets of {topic}")
            found = wanted.contents
            return {found.elems[i].partition: max(found.elems[i].offset, 0) for i in range(found.cnt)}
        finally:
            _lib.rd_kafka_topic_partition_list_destroy(wanted)

    def read(self, topic, offsets, ends):
        """The messages from offsets to ends, as harness.Kafka.consume() gives them; moves offsets."""
        numbers = [number for number in ends if offsets[number] < ends[number]]
        wanted = _partitions(topic, numbers, offsets)
        messages, deadline = [], time.monotonic() + _TIMEOUT_MS / 1000
        try:
            _check(_lib.rd_kafka_assign(self.handle, wanted if numbers else None), f"assign {topic}")
            while any(offsets[number] < ends[number] for number in numbers):
                if time.monotonic() > deadline:
                    raise KafkaAway(f"{topic} cannot be read to its end")
                message = _lib.rd_kafka_consumer_poll(self.handle, 100)
                if not message:
                    continue
                m = message.contents
                if m.err == _OK and m.offset >= offsets[m.partition]:
                    messages.append({"partition": m.partition, "offset": m.offset, "key": _text(m.key, m.key_len),
                                     "payload": _text(m.payload, m.len), "headers": _headers(message)})
                    offsets[m.partition] = m.offset + 1
                elif m.err == _PARTITION_EOF:
                    offsets[m.partition] = max(offsets[m.partition], m.offset)  # the rest was compacted away
                _lib.rd_kafka_message_destroy(message)
        finally:
            _lib.rd_kafka_assign(self.handle, None)
            _lib.rd_kafka_topic_partition_list_destroy(wanted)
        return messages


class Log:
    """A topic, read on from the last look. messages are in offset order per partition."""

    def __init__(self, client, topic, partitions):
        self.client, self.topic, self.partitions = client, topic, partitions
        self.offsets, self.messages = {number: 0 for number in range(partitions)}, []

    def read(self):
        ends = self.client.ends(self.topic, self.partitions)
        self.messages += self.client.read(self.topic, self.offsets, ends)
        return self.messages
