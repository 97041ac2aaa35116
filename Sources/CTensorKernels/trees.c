// Decision trees: nodes of all trees in one array, walked a block of rows at a time so that a tree stays in cache.
// The sums of a row run over the trees in order, whatever the rows beside it.
#include "CTensorKernels.h"

#define ROW_BLOCK 64

#define DEFINE_TREES(NAME, REAL)                                                                                 \
    static int32_t walk_##NAME(const mk_tree_node *nodes, int32_t at, const REAL *x) {                           \
        while (at >= 0) {                                                                                        \
            const mk_tree_node *node = nodes + at;                                                               \
            const REAL value = x[node->feature], split = (REAL)node->split;                                      \
            int yes;                                                                                             \
            switch (node->mode) {                                                                                \
            case MK_BRANCH_LEQ: yes = value <= split; break;                                                     \
            case MK_BRANCH_LT: yes = value < split; break;                                                       \
            case MK_BRANCH_GTE: yes = value >= split; break;                                                     \
            case MK_BRANCH_GT: yes = value > split; break;                                                       \
            case MK_BRANCH_EQ: yes = value == split; break;                                                      \
            default: yes = value != split; break;                                                                \
            }                                                                                                    \
            if (value != value) yes = node->missing_tracks_true;                                                 \
            at = yes ? node->yes : node->no;                                                                     \
        }                                                                                                        \
        return ~at;                                                                                              \
    }                                                                                                            \
                                                                                                                 \
    void mk_trees_##NAME(const mk_trees *trees, const REAL *x, size_t rows, size_t width, REAL *scores) {        \
        for (size_t first = 0; first < rows; first += ROW_BLOCK) {                                               \
            const size_t end = rows - first < ROW_BLOCK ? rows : first + ROW_BLOCK;                              \
            for (size_t tree = 0; tree < trees->tree_count; tree++) {                                            \
                for (size_t row = first; row < end; row++) {                                                     \
                    const int32_t leaf = walk_##NAME(trees->nodes, trees->roots[tree], x + row * width);         \
                    REAL *target = scores + row * trees->target_count;                                           \
                    for (int32_t e = trees->leaf_starts[leaf]; e < trees->leaf_starts[leaf + 1]; e++) {          \
                        REAL *score = target + trees->targets[e];                                                \
                        const REAL weight = (REAL)trees->weights[e];                                             \
                        switch (trees->aggregation) {                                                            \
                        case MK_TREES_MIN: *score = weight < *score ? weight : *score; break;                    \
                        case MK_TREES_MAX: *score = weight > *score ? weight : *score; break;                    \
                        default: *score += weight; break;                                                        \
                        }                                                                                        \
                    }                                                                                            \
                }                                                                                                \
            }                                                                                                    \
        }                                                                                                        \
    }

DEFINE_TREES(f32, float)
DEFINE_TREES(f64, double)

// Rows that are walked side by side: their loads do not wait for each other.
#define ROWS_ABREAST 8

static void add_leaf(const mk_trees *trees, int32_t leaf, float *target) {
    for (int32_t e = trees->leaf_starts[leaf]; e < trees->leaf_starts[leaf + 1]; e++) {
        float *score = target + trees->targets[e];
        const float weight = (float)trees->weights[e];
        switch (trees->aggregation) {
        case MK_TREES_MIN: *score = weight < *score ? weight : *score; break;
        case MK_TREES_MAX: *score = weight > *score ? weight : *score; break;
        default: *score += weight; break;
        }
    }
}

void mk_plain_trees_f32(const mk_trees *trees, const mk_plain_node *nodes, const int32_t *roots, const int32_t *depths,
                        const float *x, size_t rows, size_t width, float *scores) {
    for (size_t first = 0; first < rows; first += ROW_BLOCK) {
        const size_t end = rows - first < ROW_BLOCK ? rows : first + ROW_BLOCK;
        for (size_t tree = 0; tree < trees->tree_count; tree++) {
            size_t row = first;
            for (; row + ROWS_ABREAST <= end; row += ROWS_ABREAST) {
                int32_t at[ROWS_ABREAST];
                for (int r = 0; r < ROWS_ABREAST; r++) at[r] = roots[tree];
                for (int32_t depth = 0; depth < depths[tree]; depth++) {
#pragma clang loop unroll(full)
                    for (int r = 0; r < ROWS_ABREAST; r++) {
                        const mk_plain_node *node = nodes + at[r];
                        at[r] = x[(row + r) * width + node->feature] <= node->split ? node->yes : node->no;
                    }
                }
                for (int r = 0; r < ROWS_ABREAST; r++)
                    add_leaf(trees, nodes[at[r]].leaf, scores + (row + r) * trees->target_count);
            }
            for (; row < end; row++) {
                int32_t at = roots[tree];
                while (nodes[at].leaf < 0)
                    at = x[row * width + nodes[at].feature] <= nodes[at].split ? nodes[at].yes : nodes[at].no;
                add_leaf(trees, nodes[at].leaf, scores + row * trees->target_count);
            }
        }
    }
}
