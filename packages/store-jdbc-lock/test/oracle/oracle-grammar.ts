import type { ANTLRErrorListener } from 'antlr4ts';
import { antlr4tsSQL, SQLDialect } from 'antlr4ts-sql';

const grammar = new antlr4tsSQL(SQLDialect.PLSQL);

/** What a parser of Oracle's SQL, made by others, has against a statement. */
export function syntaxErrors(sql: string): readonly string[] {
  const errors: string[] = [];
  const listener: ANTLRErrorListener<unknown> = {
    syntaxError: (_recognizer, _symbol, _line, column, message) => {
      errors.push(`at '${sql.slice(column, column + 30)}': ${message.slice(0, 60)}`);
    },
  };
  const tokens = grammar.getTokens(`${sql};`, [listener]);
  grammar.getParseTree(grammar.getParser(tokens, [listener]));
  return errors;
}
