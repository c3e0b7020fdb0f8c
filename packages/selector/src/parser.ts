/**
 * The grammar, weakest first. `NOT` binds tighter than comparisons: `NOT a = 5` is `(NOT a) = 5`.
 *
 *     any         all { OR all }
 *     all         equality { AND equality }
 *     equality    comparison { ("=" | "<>") comparison | IS [NOT] NULL }
 *     comparison  sum { ("<" | "<=" | ">" | ">=") sum
 *                     | [NOT] LIKE string [ESCAPE string]
 *                     | [NOT] BETWEEN sum AND sum
 *                     | [NOT] IN "(" string { "," string } ")" }
 *     sum         product { ("+" | "-") product }
 *     product     unary { ("*" | "/" | "%") unary }
 *     unary       ("+" | "-" | NOT) unary | name "(" unary { "," unary } ")" | primary
 *     primary     literal | name | "(" any ")"
 */
import { arithmetic, negated } from './arithmetic.ts';
import * as compared from './comparison.ts';
import { callOperand } from './functions.ts';
import { double, integer } from './java-number.ts';
import {
  asCondition,
  literalOperand,
  notOrdered,
  propertyOperand,
  type Condition,
  type Operand,
} from './operand.ts';
import { invalidSelector, unsupportedInSelector } from './selector-error.ts';
import { FALSE, stringValue, TRUE } from './selector-value.ts';
import { SELECTOR_LIMITS } from './limits.ts';
import { nextToken, type Token } from './tokenizer.ts';

const LONG_MAX = 2n ** 63n - 1n;

export interface ParseRules extends compared.ComparisonRules {
  /** Names may hold hyphens; a difference then needs spaces. */
  readonly hasHyphens: boolean;
}

/** Compiles the expression that begins at `start`. */
export function parseExpression(text: string, start: number, rules: ParseRules): Condition {
  const { lengthMax } = SELECTOR_LIMITS;
  if (text.length > lengthMax) {
    const problem = `it has ${text.length} characters; ${lengthMax} are allowed`;
    throw invalidSelector(text, lengthMax, problem);
  }
  return new Parser(text, start, rules).parse();
}

class Parser {
  readonly #text: string;
  readonly #rules: ParseRules;
  /** Looked at, not yet taken: the present token and the one after it. */
  #token: Token;
  #following: Token | undefined;
  #nesting = 0;
  #termCount = 0;

  constructor(text: string, start: number, rules: ParseRules) {
    this.#text = text;
    this.#rules = rules;
    this.#token = this.#read(start);
  }

  parse(): Condition {
    const { position } = this.#token;
    const operand = this.#any();
    if (this.#token.kind !== 'end') throw this.#expected('an operator or the end of the selector');
    return this.#condition(operand, position);
  }

  #any(): Operand {
    return this.#joined('OR', () => this.#all(), compared.anyOf);
  }

  #all(): Operand {
    return this.#joined('AND', () => this.#equality(), compared.allOf);
  }

  #joined(
    word: 'OR' | 'AND',
    next: () => Operand,
    join: (tests: readonly Condition[], operands: readonly Operand[]) => Operand,
  ): Operand {
    let { position } = this.#token;
    const first = next();
    if (!this.#isKeyword(word)) return first;
    const operands = [first];
    const tests = [this.#condition(first, position)];
    while (this.#takeKeyword(word)) {
      ({ position } = this.#token);
      const operand = next();
      operands.push(operand);
      tests.push(this.#condition(operand, position));
    }
    return join(tests, operands);
  }

  #equality(): Operand {
    let { position } = this.#token;
    let left = this.#comparison();
    for (;;) {
      const signPosition = this.#token.position;
      const sign = this.#takeSign('=', '<>');
      if (sign !== undefined) {
        const right = { position: this.#token.position, operand: this.#comparison() };
        this.#checkEquality({ position, operand: left }, right);
        const make = sign === '=' ? compared.equalTo : compared.notEqualTo;
        left = make(left, right.operand, this.#rules);
      } else if (this.#takeKeyword('IS')) {
        const isNegated = this.#takeKeyword('NOT');
        if (!this.#takeKeyword('NULL'))
          throw this.#expected(isNegated ? 'NULL' : 'NULL or NOT NULL');
        left = isNegated ? compared.isNotNull(left) : compared.isNull(left);
      } else {
        return left;
      }
      position = signPosition;
    }
  }

  #comparison(): Operand {
    const { position } = this.#token;
    let left = this.#sum();
    for (;;) {
      const sign = this.#takeSign('<', '<=', '>', '>=');
      if (sign !== undefined) {
        const rightPosition = this.#token.position;
        const right = this.#sum();
        this.#checkOrdered(left, position);
        this.#checkOrdered(right, rightPosition);
        left = compared.ordered(sign, left, right, this.#rules);
        continue;
      }
      const isNegated = this.#isKeyword('NOT');
      const word = isNegated ? this.#peek() : this.#token;
      if (word.kind !== 'keyword') return left;
      switch (word.text) {
        case 'LIKE':
          left = this.#like(left, isNegated);
          break;
        case 'BETWEEN':
          left = this.#between(left, position, isNegated);
          break;
        case 'IN':
          left = this.#in(left, position, isNegated);
          break;
        default:
          return left;
      }
    }
  }

  #like(left: Operand, isNegated: boolean): Operand {
    this.#takeOperator(isNegated);
    const pattern = this.#string();
    let escape: string | undefined;
    if (this.#takeKeyword('ESCAPE')) {
      const { position } = this.#token;
      escape = this.#string();
      if (escape.length !== 1) {
        throw this.#invalid(position, 'the escape character must be one character');
      }
    }
    const make = isNegated ? compared.notLike : compared.like;
    return make(left, pattern, escape);
  }

  #between(left: Operand, position: number, isNegated: boolean): Operand {
    this.#takeOperator(isNegated);
    const lowPosition = this.#token.position;
    const low = this.#sum();
    if (!this.#takeKeyword('AND')) throw this.#expected('AND and the upper limit');
    const highPosition = this.#token.position;
    const high = this.#sum();
    this.#checkOrdered(left, position);
    this.#checkOrdered(low, lowPosition);
    this.#checkOrdered(high, highPosition);
    const make = isNegated ? compared.notBetween : compared.between;
    return make(left, low, high, this.#rules);
  }

  #in(left: Operand, position: number, isNegated: boolean): Operand {
    if (left.form !== 'property') {
      throw this.#invalid(position, 'IN needs the name of a property on its left');
    }
    this.#takeOperator(isNegated);
    this.#need('(');
    const list: string[] = [];
    do list.push(this.#string());
    while (this.#takeSign(',') !== undefined);
    this.#need(')');
    return compared.inList(left, list, isNegated);
  }

  #sum(): Operand {
    let left = this.#product();
    for (;;) {
      const sign = this.#takeSign('+', '-');
      if (sign === undefined) return left;
      left = arithmetic(sign, left, this.#product());
    }
  }

  #product(): Operand {
    let left = this.#unary();
    for (;;) {
      const sign = this.#takeSign('*', '/', '%');
      if (sign === undefined) return left;
      left = arithmetic(sign, left, this.#unary());
    }
  }

  #unary(): Operand {
    if (this.#takeSign('+') !== undefined) return this.#nested(() => this.#unary());
    if (this.#takeSign('-') !== undefined) return negated(this.#nested(() => this.#unary()));
    if (this.#takeKeyword('NOT')) {
      const { position } = this.#token;
      const operand = this.#nested(() => this.#unary());
      return compared.not(this.#condition(operand, position), operand);
    }
    if (this.#isKeyword('XPATH') || this.#isKeyword('XQUERY')) {
      const { text, position } = this.#token;
      throw unsupportedInSelector(this.#text, position, `there is no ${text} in BatonMQ`);
    }
    if (this.#token.kind === 'identifier' && isSign(this.#peek(), '(')) return this.#call();
    return this.#primary();
  }

  #call(): Operand {
    const { text: name, position } = this.#take();
    this.#need('(');
    const args: Operand[] = [];
    do args.push(this.#nested(() => this.#unary()));
    while (this.#takeSign(',') !== undefined);
    this.#need(')');
    const made = callOperand(name, args);
    if (!('problem' in made)) return made;
    if (made.isUnsupported) throw unsupportedInSelector(this.#text, position, made.problem);
    throw this.#invalid(position, made.problem);
  }

  #primary(): Operand {
    if (this.#takeSign('(') !== undefined) {
      const operand = this.#nested(() => this.#any());
      this.#need(')');
      return operand;
    }
    const { kind, text, position } = this.#token;
    switch (kind) {
      case 'identifier':
        this.#take();
        return propertyOperand(text);
      case 'string':
        this.#take();
        return literalOperand(stringValue(text));
      case 'decimal':
        this.#take();
        return literalOperand(integer(BigInt(text.replace(/l$/i, ''))));
      case 'hex':
      case 'octal': {
        this.#take();
        const value = BigInt(kind === 'hex' ? text : `0o${text}`);
        if (value > LONG_MAX) throw this.#invalid(position, 'the number does not fit 64 bits');
        return literalOperand(integer(value));
      }
      case 'floating':
        this.#take();
        return literalOperand(double(Number(text)));
      case 'keyword':
        if (text !== 'TRUE' && text !== 'FALSE' && text !== 'NULL') break;
        this.#take();
        return literalOperand({ TRUE, FALSE, NULL: undefined }[text]);
      case 'sign':
      case 'end':
        break;
    }
    throw this.#expected('a literal, a name or a parenthesis');
  }

  #condition(operand: Operand, position: number): Condition {
    const test = asCondition(operand);
    if (test !== undefined) return test;
    throw this.#invalid(position, 'a condition is expected here; this is a value');
  }

  #checkOrdered(operand: Operand, position: number): void {
    const problem = notOrdered(operand);
    if (problem !== undefined) throw this.#invalid(position, problem);
  }

  #checkEquality(left: Placed, right: Placed): void {
    for (const { operand, position } of [left, right]) {
      if (operand.form !== 'literal' || operand.constant?.value !== undefined) continue;
      throw this.#invalid(position, 'nothing is equal to NULL; write IS NULL or IS NOT NULL');
    }
    if (left.operand.form !== 'literal' || right.operand.form !== 'literal') return;
    if (left.operand.test !== undefined && right.operand.test === undefined) {
      throw this.#invalid(right.position, 'TRUE and FALSE compare to no other literal');
    }
  }

  #string(): string {
    if (this.#token.kind !== 'string') throw this.#expected('a string in single quotes');
    return this.#take().text;
  }

  #nested(parse: () => Operand): Operand {
    const { nestingMax } = SELECTOR_LIMITS;
    if (this.#nesting === nestingMax) {
      throw this.#invalid(this.#token.position, `it nests deeper than ${nestingMax}`);
    }
    this.#nesting += 1;
    const operand = parse();
    this.#nesting -= 1;
    return operand;
  }

  #takeOperator(isNegated: boolean): void {
    if (isNegated) this.#take();
    this.#take();
  }

  #isKeyword(word: string): boolean {
    return this.#token.kind === 'keyword' && this.#token.text === word;
  }

  #takeKeyword(word: string): boolean {
    if (!this.#isKeyword(word)) return false;
    this.#take();
    return true;
  }

  #takeSign<S extends string>(...signs: readonly S[]): S | undefined {
    const sign = signs.find((each) => isSign(this.#token, each));
    if (sign !== undefined) this.#take();
    return sign;
  }

  #need(sign: string): void {
    if (this.#takeSign(sign) === undefined) throw this.#expected(sign);
  }

  #take(): Token {
    const token = this.#token;
    this.#token = this.#following ?? this.#read(token.end);
    this.#following = undefined;
    return token;
  }

  #peek(): Token {
    return (this.#following ??= this.#read(this.#token.end));
  }

  #read(from: number): Token {
    const token = nextToken(this.#text, from, this.#rules.hasHyphens);
    if (!isSign(token, ',') && token.kind !== 'string') this.#termCount += 1;
    const { termsMax } = SELECTOR_LIMITS;
    if (this.#termCount > termsMax) {
      throw this.#invalid(token.position, `it has more than ${termsMax} terms`);
    }
    return token;
  }

  #expected(what: string): Error {
    const { kind, text, position } = this.#token;
    const found = kind === 'end' ? 'it ends' : `there is ${kind === 'string' ? 'a string' : text}`;
    return this.#invalid(position, `expected ${what}, but ${found}`);
  }

  #invalid(position: number, problem: string): Error {
    return invalidSelector(this.#text, position, problem);
  }
}

interface Placed {
  readonly operand: Operand;
  readonly position: number;
}

function isSign(token: Token, sign: string): boolean {
  return token.kind === 'sign' && token.text === sign;
}
