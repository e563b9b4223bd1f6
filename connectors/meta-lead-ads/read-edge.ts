/** Reading what hangs on an object of the Graph, page by page (Graph API, paginated results). */
import { z } from 'zod'
import type { CrmClient } from '../connector.ts'
import { readReply } from './errors.ts'

export interface Edge {
  url: string
  query: Record<string, string>
  bucket: string | undefined
}

/** Objects on one page. */
export const PAGE = 100

/** One page, and the cursor of the next one where there is one: Meta names cursors on the last page too. */
export async function readEdgePage<Node>(
  client: CrmClient,
  { url, query, bucket }: Edge,
  node: z.ZodType<Node>,
  after?: string,
): Promise<{ nodes: Node[]; after?: string }> {
  const page = z.object({
    data: z.array(node),
    paging: z
      .object({ cursors: z.object({ after: z.string().optional() }).optional(), next: z.string().optional() })
      .optional()
      .catch(undefined),
  })
  const { body } = await client.request({
    method: 'GET',
    url,
    query: { ...query, limit: String(PAGE), ...(after !== undefined && { after }) },
    ...(bucket !== undefined && { bucket }),
  })
  const { data, paging } = readReply(page, body)
  const next = paging?.next === undefined ? undefined : paging.cursors?.after
  return { nodes: data, ...(next !== undefined && { after: next }) }
}

/** All pages. */
export async function readEdge<Node>(client: CrmClient, edge: Edge, node: z.ZodType<Node>): Promise<Node[]> {
  const found: Node[] = []
  let after: string | undefined
  do {
    const page = await readEdgePage(client, edge, node, after)
    found.push(...page.nodes)
    after = page.after
  } while (after !== undefined)
  return found
}
