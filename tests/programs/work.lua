-- SPDX-License-Identifier: MIT
-- What a Lua program does all day: tables, strings, closures, coroutines, errors, files, garbage. Prints no times and
-- no addresses.
local sieve, primes = {}, 0
for i = 2, 20000 do
    if not sieve[i] then
        primes = primes + 1
        for j = i * i, 20000, i do sieve[j] = true end
    end
end
print("primes", primes)

local words = {}
for word in ("the quick brown fox jumps over the lazy dog the end"):gmatch("%a+") do
    words[word] = (words[word] or 0) + 1
end
local names = {}
for name in pairs(words) do names[#names + 1] = name end
table.sort(names, function(a, b) return words[a] > words[b] or words[a] == words[b] and a < b end)
for _, name in ipairs(names) do io.write(name, "=", words[name], " ") end
print()

local function walk(tree)
    if tree then
        walk(tree.left)
        coroutine.yield(tree.key)
        walk(tree.right)
    end
end
local root
local function insert(tree, key)
    if not tree then return { key = key } end
    if key < tree.key then tree.left = insert(tree.left, key) else tree.right = insert(tree.right, key) end
    return tree
end
local state = 12345
for _ = 1, 50 do
    state = (state * 1103515245 + 12345) % 2147483648
    root = insert(root, state % 1000)
end
local keys = {}
for key in coroutine.wrap(function() walk(root) end) do keys[#keys + 1] = key end
print(table.concat(keys, " "))

print(string.format("%.10f %g %5.1f|%-8s|%08x", math.pi, 1e100, -2.25, "left", 48879))
print(pcall(error, { code = 7 }), select(2, pcall(function() return nil + 1 end)))
print(string.rep("ab", 3, "-"), ("x"):byte(), utf8.char(8364, 128512), #"€")

local file = assert(io.open("lua.out", "w"))
for i = 1, 5000 do file:write(i, "\n") end
file:close()
local sum, lines = 0, 0
for line in io.lines("lua.out") do
    sum, lines = sum + tonumber(line), lines + 1
end
print(lines, sum, os.remove("lua.out"), io.open("lua.out"))

local kept = {}
for i = 1, 200000 do kept[i % 1000] = { i, tostring(i) } end
collectgarbage()
print(kept[1][2], collectgarbage("count") < 10000)
os.exit(3)
