/*
 * store_sql — every SQL text that is known beforehand.
 */
#include "tests/sandbox/store_sql.h"

/* synchronous=OFF: a killed process loses nothing, a power cut may; it is a test tool. */
const char STORE_PRAGMAS[] =
    "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
    "PRAGMA cache_size=-131072; PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY;";

const char STORE_TABLES[] =
    "CREATE TABLE IF NOT EXISTS records(n INTEGER PRIMARY KEY, object TEXT NOT NULL, id TEXT NOT "
    "NULL, created_ms INTEGER, modified_ms INTEGER, modstamp_ms INTEGER, modified_by TEXT,"
    " email TEXT COLLATE NOCASE, deleted INTEGER, version INTEGER, fields TEXT);"
    "CREATE UNIQUE INDEX IF NOT EXISTS records_id ON records(object,id);"
    /* what readers still see of a record that has changed: existed=0 – nothing */
    "CREATE TABLE IF NOT EXISTS shadows(object TEXT NOT NULL, id TEXT NOT NULL, until_ms INTEGER,"
    " existed INTEGER, created_ms INTEGER, modified_ms INTEGER, modstamp_ms INTEGER,"
    " modified_by TEXT, email TEXT COLLATE NOCASE, deleted INTEGER, version INTEGER, fields TEXT);"
    "CREATE INDEX IF NOT EXISTS shadows_id ON shadows(object,id,until_ms);"
    "CREATE INDEX IF NOT EXISTS shadows_until ON shadows(until_ms);"
    "CREATE TABLE IF NOT EXISTS uniq(key TEXT PRIMARY KEY, object TEXT, id TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS properties(object TEXT, name TEXT, label TEXT, type TEXT,"
    " is_unique INTEGER, options TEXT, created_ms INTEGER, PRIMARY KEY(object,name));"
    "CREATE TABLE IF NOT EXISTS merges(n INTEGER PRIMARY KEY, object TEXT, loser TEXT, winner "
    "TEXT);"
    "CREATE UNIQUE INDEX IF NOT EXISTS merges_loser ON merges(object,loser);"
    "CREATE INDEX IF NOT EXISTS merges_winner ON merges(object,winner);"
    /* associations, each in both directions */
    "CREATE TABLE IF NOT EXISTS links(from_object TEXT, from_id TEXT, to_object TEXT, to_id TEXT,"
    " type INTEGER, PRIMARY KEY(from_object,from_id,to_object,to_id,type)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS link_effects(seq INTEGER PRIMARY KEY, wall_ms INTEGER, server_ms "
    "INTEGER, op TEXT, who TEXT, from_object TEXT, from_id TEXT, to_object TEXT, to_id TEXT,"
    " type INTEGER, label TEXT, changed INTEGER, implied INTEGER, request_id INTEGER,"
    " late INTEGER);"
    "CREATE TABLE IF NOT EXISTS purges(object TEXT PRIMARY KEY, until_ms INTEGER) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS pipelines(n INTEGER PRIMARY KEY, body TEXT);"
    "CREATE TABLE IF NOT EXISTS tokens(token TEXT PRIMARY KEY, kind TEXT, who TEXT,"
    " expires_ms INTEGER, uses_left INTEGER) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS effects(seq INTEGER PRIMARY KEY, wall_ms INTEGER, server_ms "
    "INTEGER, system TEXT, object TEXT, record_id TEXT, op TEXT, external_id TEXT, marker TEXT,"
    " trace_id TEXT, who TEXT, before TEXT, after TEXT, version INTEGER, modstamp_ms INTEGER,"
    " request_id INTEGER, late INTEGER, merged_into TEXT);"
    "CREATE TABLE IF NOT EXISTS requests(request_id INTEGER PRIMARY KEY, wall_ms INTEGER,"
    " method TEXT, path TEXT, object TEXT, who TEXT, status INTEGER, items INTEGER, fault TEXT,"
    " late INTEGER, duration_us INTEGER);";

const char *const STORE_INDEXES[STORE_INDEX_COUNT] = {
    [INDEX_QUERY] = "CREATE INDEX IF NOT EXISTS records_modstamp ON records(object,modstamp_ms,id);"
                    "CREATE INDEX IF NOT EXISTS records_email ON records(object,email) WHERE email "
                    "IS NOT NULL;",
    [INDEX_DELETED] = "CREATE INDEX IF NOT EXISTS records_deleted ON "
                      "records(object,modstamp_ms,id) WHERE deleted=1;",
    [INDEX_HISTORY] = "CREATE INDEX IF NOT EXISTS effects_record ON effects(object,record_id);",
};

const char *const STORE_SQL[STATEMENT_COUNT] = {
    [ST_GET] = "SELECT " RECORD_COLUMNS " FROM records WHERE n=?3 AND +object=?1 AND +id=?2 "
               "AND deleted<9",
    [ST_GET_SHADOW] = "SELECT " RECORD_COLUMNS ",existed FROM shadows WHERE object=?1 AND id=?2 "
                      "ORDER BY until_ms,rowid LIMIT 1",
    [ST_INSERT] = "INSERT INTO records(n,object,id,created_ms,modified_ms,modstamp_ms,modified_by,"
                  "email,deleted,version,fields) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,0,1,?9)",
    [ST_UPDATE] = "UPDATE records SET modified_ms=?2,modstamp_ms=?3,modified_by=?4,email=?5,"
                  "deleted=?6,version=?7,fields=?8 WHERE n=?1",
    [ST_UPDATE_SAME_EMAIL] = "UPDATE records SET modified_ms=?2,modstamp_ms=?3,modified_by=?4,"
                             "deleted=?6,version=?7,fields=?8 WHERE n=?1",
    [ST_UNIQUE_GET] = "SELECT id FROM uniq WHERE key=?1",
    [ST_UNIQUE_PUT] = "INSERT OR REPLACE INTO uniq VALUES(?1,?2,?3)",
    [ST_UNIQUE_DROP] = "DELETE FROM uniq WHERE key=?1",
    [ST_SHADOW_PUT] =
        "INSERT INTO shadows SELECT object,id,?3,1,created_ms,modified_ms,modstamp_ms,"
        "modified_by,email,deleted,version,fields FROM records WHERE object=?1 AND id=?2",
    [ST_SHADOW_NEW] = "INSERT INTO shadows(object,id,until_ms,existed) VALUES(?1,?2,?3,0)",
    [ST_SHADOW_PURGE] = "DELETE FROM shadows WHERE until_ms<=?1",
    [ST_SHADOW_COUNT] = "SELECT count(*) FROM shadows",
    [ST_EFFECT] = "INSERT INTO effects(wall_ms,server_ms,system,object,record_id,op,external_id,"
                  "marker,trace_id,who,before,after,version,modstamp_ms,request_id,late,"
                  "merged_into) "
                  "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
    [ST_REQUEST] = "INSERT OR REPLACE INTO requests VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
    /* a silent edit moves no modstamp: the server's clock says when it was */
    [ST_HISTORY] = "SELECT op,iif(modstamp_ms IS older,server_ms,modstamp_ms),who,before,after "
                   "FROM (SELECT *,lag(modstamp_ms) OVER (ORDER BY seq) AS older FROM effects "
                   "WHERE object=?1 AND record_id=?2) ORDER BY seq DESC LIMIT 200",
    [ST_LIST] = "SELECT " RECORD_COLUMNS " FROM records WHERE object=?1 AND id>?2 AND +deleted=?3 "
                "ORDER BY id LIMIT ?4",
    [ST_LIST_ALL] = "SELECT " RECORD_COLUMNS " FROM records WHERE object=?1 AND id>?2 AND "
                    "+deleted<9 "
                    "ORDER BY id LIMIT ?3",
    [ST_TOKEN_GET] = "SELECT who,expires_ms,uses_left,kind FROM tokens WHERE token=?1",
    [ST_TOKEN_PUT] = "INSERT OR REPLACE INTO tokens VALUES(?1,?2,?3,?4,?5)",
    [ST_TOKEN_USE] = "UPDATE tokens SET uses_left=uses_left-1 WHERE token=?1",
    [ST_TOKEN_DROP] = "DELETE FROM tokens WHERE token=?1",
    [ST_PROPERTY_PUT] = "INSERT OR REPLACE INTO properties VALUES(?1,?2,?3,?4,?5,?6,?7)",
    [ST_BY_EMAIL] = "SELECT id FROM records WHERE object=?1 AND email=?2 AND deleted=0 "
                    "ORDER BY id LIMIT 1",
    [ST_COUNT_OBJECT] = "SELECT count(*) FROM records WHERE object=?1 AND deleted=?2",
    [ST_MERGE_PUT] = "INSERT OR REPLACE INTO merges(object,loser,winner) VALUES(?1,?2,?3)",
    [ST_MERGE_GET] = "SELECT winner FROM merges WHERE object=?1 AND loser=?2",
    [ST_MERGE_LOSERS] = "SELECT loser FROM merges WHERE object=?1 AND winner=?2 ORDER BY n",
    [ST_LINK_PUT] = "INSERT OR IGNORE INTO links VALUES(?1,?2,?3,?4,?5)",
    [ST_LINK_DROP] = "DELETE FROM links WHERE from_object=?1 AND from_id=?2 AND to_object=?3 AND "
                     "to_id=?4 AND type=?5",
    [ST_LINK_HAS] = "SELECT 1 FROM links WHERE from_object=?1 AND from_id=?2 AND to_object=?3 AND "
                    "to_id=?4 AND type=?5",
    [ST_LINK_OTHER] = "SELECT to_id FROM links WHERE from_object=?1 AND from_id=?2 AND "
                      "to_object=?3 AND to_id<>?4 AND type=?5",
    [ST_LINK_LIST] =
        "SELECT l.to_id,l.type FROM links l JOIN records r ON r.object=l.to_object AND "
        "r.id=l.to_id "
        "WHERE l.from_object=?1 AND l.from_id=?2 AND l.to_object=?3 AND l.to_id>?4 AND r.deleted=0 "
        "ORDER BY l.to_id,l.type",
    [ST_LINK_EFFECT] = "INSERT INTO link_effects(from_object,from_id,to_object,to_id,type,label,op,"
                       "who,changed,implied,request_id,late,wall_ms,server_ms) "
                       "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
};
