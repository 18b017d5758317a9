// simdjson_shim — simdjson's DOM behind one C function, for bench_json alone. tests/bench/run builds it.
#include <simdjson.h>

static simdjson::dom::parser parser;

// A number is read, too, and counts as one byte.
static long value_bytes(const simdjson::dom::element &value)
{
    switch (value.type()) {
    case simdjson::dom::element_type::STRING:
        return static_cast<long>(value.get_string_length().value_unsafe());
    case simdjson::dom::element_type::INT64:
        return int64_t(value) > INT64_MIN;
    case simdjson::dom::element_type::DOUBLE:
        return double(value) > -1e300;
    case simdjson::dom::element_type::BOOL:
        return 1;
    default:
        return 0;
    }
}

// room: readable bytes behind the text. Returns the bytes of all values read, or -1.
extern "C" long simdjson_shim(const char *text, size_t bytes, size_t room, int read,
                              long *ret_records)
{
    simdjson::dom::element root;
    simdjson::dom::array records;
    if (room < simdjson::SIMDJSON_PADDING || parser.parse(text, bytes, false).get(root) ||
        root["records"].get(records))
        return -1;
    long total = 0;
    *ret_records = static_cast<long>(records.size());
    if (!read)
        return 0;
    for (simdjson::dom::element record : records) {
        simdjson::dom::object members;
        if (record.get(members))
            return -1;
        for (auto member : members)
            total += value_bytes(member.value);
    }
    return total;
}
