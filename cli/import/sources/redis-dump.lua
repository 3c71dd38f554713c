-- Writes string keys and the fields of hashes as JSON, one a line, for `mooring import redis`:
-- redis-cli --raw --eval redis-dump.lua , 'pattern of the keys' | LC_ALL=C sort > redis.jsonl
-- The key comes first in each line, so that sorted lines have the keys of a session together.
local lines = {}
local function add(key, field, value)
  local name = '{"key":' .. cjson.encode(key)
  if field then name = name .. ',"field":' .. cjson.encode(field) end
  lines[#lines + 1] = name .. ',"value":' .. cjson.encode(value) .. '}'
end

local cursor = '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1] or '*', 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local kind = redis.call('TYPE', key).ok
    if kind == 'string' then
      add(key, nil, redis.call('GET', key))
    elseif kind == 'hash' then
      local hash = redis.call('HGETALL', key)
      for at = 1, #hash, 2 do add(key, hash[at], hash[at + 1]) end
    end
  end
until cursor == '0'
return lines
