// SPDX-License-Identifier: MIT
// Breadth-first search of a random directed graph in CSR form, from several sources.
//
//   bfs [vertices=20000] [degree=8] [sources=2]
//
// A search takes vertices in the order of its queue, and their adjacency lists lie anywhere: nearly every step is
// another page, and every search touches nearly all pages again.
// Check: the graph must still be the one that was drawn, edge by edge, and the levels must be those of a
// breadth-first search: the source alone has level 0, no edge leads from a reached vertex to one that is unreached or
// more than one level farther, and an edge from the level before leads to every other reached vertex. These together
// admit no other levels.
#include "apps/app.h"

enum { SEED = 11, VERTICES_MOST = 1 << 20 };
static const uint32_t unreached = UINT32_MAX;

struct graph {
    uint32_t vertices, degree; // degree: the average
    uint64_t edges;
    uint32_t *first;  // vertices + 1 indices into target: where the list of each vertex begins
    uint32_t *target; // of each edge
};

// How many edges leave a vertex: 0 to 2 · degree.
static uint32_t draw_degree(const struct graph *graph, uint32_t u) {
    return (uint32_t)(app_mix(u) % (2 * graph->degree + 1));
}

static struct graph make_graph(uint32_t vertices, uint32_t degree) {
    struct graph graph = {.vertices = vertices, .degree = degree};
    uint64_t seed = SEED;
    for (uint32_t u = 0; u < vertices; u++) graph.edges += draw_degree(&graph, u);
    graph.first = app_memory((vertices + 1ull) * sizeof(uint32_t));
    graph.target = app_memory(graph.edges * sizeof(uint32_t));
    uint32_t edge = 0;
    for (uint32_t u = 0; u < vertices; u++) {
        graph.first[u] = edge;
        for (uint32_t i = draw_degree(&graph, u); i > 0; i--)
            graph.target[edge++] = (uint32_t)app_random(&seed, vertices);
    }
    graph.first[vertices] = edge;
    return graph;
}

// Draws the graph a second time and compares.
static void check_graph(const struct graph *graph) {
    uint64_t seed = SEED;
    uint32_t edge = 0;
    for (uint32_t u = 0; u < graph->vertices; u++) {
        if (graph->first[u] != edge) app_fail("the adjacency list of vertex %" PRIu32 " has moved", u);
        for (uint32_t i = draw_degree(graph, u); i > 0; i--)
            if (graph->target[edge++] != (uint32_t)app_random(&seed, graph->vertices))
                app_fail("edge %" PRIu32 ", of vertex %" PRIu32 ", has changed", edge - 1, u);
    }
    if (graph->first[graph->vertices] != edge) app_fail("the last adjacency list has another end");
}

// Where u's adjacency list ends. Nothing read from paged memory is an index before it is checked, so that a pager
// that hands out a wrong page makes the search fail, not run wild.
static uint64_t list_end(const struct graph *graph, uint32_t u) {
    uint64_t end = graph->first[u + 1];
    if (end > graph->edges) app_fail("the adjacency list of vertex %" PRIu32 " is too long", u);
    return end;
}

// Returns how many vertices were reached.
static uint32_t search(const struct graph *graph, uint32_t source, uint32_t *level, uint32_t *queue) {
    uint32_t head = 0, tail = 0;
    for (uint32_t i = 0; i < graph->vertices; i++) level[i] = unreached;
    level[source] = 0;
    queue[tail++] = source;
    while (head < tail) {
        uint32_t u = queue[head++];
        if (u >= graph->vertices) app_fail("the queue holds no vertex at %" PRIu32, head - 1);
        for (uint64_t e = graph->first[u], end = list_end(graph, u); e < end; e++) {
            uint32_t v = graph->target[e];
            if (v >= graph->vertices) app_fail("an edge of vertex %" PRIu32 " leads to no vertex", u);
            if (level[v] != unreached) continue;
            if (tail == graph->vertices) app_fail("more vertices were reached than there are");
            level[v] = level[u] + 1;
            queue[tail++] = v;
        }
    }
    return tail;
}

static void check_levels(const struct graph *graph, uint32_t source, const uint32_t *level, uint32_t reached) {
    static uint8_t led_to[VERTICES_MOST]; // by an edge from the level before; static, so not paged
    uint32_t count = 0;
    memset(led_to, 0, graph->vertices);
    for (uint32_t u = 0; u < graph->vertices; u++) {
        uint32_t from = level[u];
        if (from == unreached) continue;
        for (uint64_t e = graph->first[u], end = list_end(graph, u); e < end; e++) {
            uint32_t v = graph->target[e];
            if (v >= graph->vertices) app_fail("an edge of vertex %" PRIu32 " leads to no vertex", u);
            uint32_t to = level[v];
            if (to == unreached || to > from + 1) app_fail("an edge of vertex %" PRIu32 " leads too far", u);
            led_to[v] |= to == from + 1;
        }
    }
    for (uint32_t u = 0; u < graph->vertices; u++) {
        count += level[u] != unreached;
        if ((level[u] == 0) != (u == source)) app_fail("vertex %" PRIu32 " has a wrong level", u);
        if (level[u] != unreached && u != source && !led_to[u])
            app_fail("no edge leads to vertex %" PRIu32 " from the level before", u);
    }
    if (count != reached) app_fail("%" PRIu32 " vertices have a level but %" PRIu32 " were reached", count, reached);
}

static uint64_t sum_of(const uint32_t *level, uint32_t vertices) {
    uint64_t sum = 0;
    for (uint32_t u = 0; u < vertices; u++) sum += app_mix((uint64_t)u << 32 | level[u]);
    return sum;
}

int main(int argc, char **argv) {
    static struct app_argument arguments[] = {
        {.name = "vertices", .least = 1, .most = VERTICES_MOST, .number = 20000},
        {.name = "degree", .least = 1, .most = 256, .number = 8},
        {.name = "sources", .least = 1, .most = 1000, .number = 2},
    };
    APP_ARGUMENTS(argc, argv, arguments);
    uint32_t vertices = (uint32_t)arguments[0].number;

    struct graph graph = make_graph(vertices, (uint32_t)arguments[1].number);
    uint32_t *level = app_memory(vertices * sizeof(uint32_t)), *queue = app_memory(vertices * sizeof(uint32_t));
    uint64_t checksum = 0, seed = SEED + 1, reached = 0;
    for (uint64_t i = 0; i < arguments[2].number; i++) {
        uint32_t source = (uint32_t)app_random(&seed, vertices);
        uint32_t found = search(&graph, source, level, queue);
        uint64_t sum = sum_of(level, vertices);
        check_levels(&graph, source, level, found);
        if (sum_of(level, vertices) != sum) app_fail("a level has changed while it was checked");
        checksum += sum;
        reached += found;
    }
    check_graph(&graph);
    printf("bfs: %" PRIu32 " vertices, %" PRIu64 " edges, %" PRIu64 " vertices reached\n", vertices, graph.edges,
           reached);
    free(graph.first);
    free(graph.target);
    free(level);
    free(queue);
    return app_passed(checksum);
}
